//! The parts of `docs/cometql.md` that are printed from the code: the tables and
//! the error numbers. A test compares the page with what is printed here, so
//! that neither can say what the other does not.

use std::fmt::Write;

use crate::error::ErrorKind;
use crate::language::CometQl;
use crate::tables::Table;

/// The page `document` with its printed parts as this program prints them. They
/// stand between lines such as `<!-- tables -->` and `<!-- end of tables -->`.
///
/// # Errors
/// The name of a part for which the page has no place.
pub fn refreshed(document: &str, language: &CometQl) -> Result<String, &'static str> {
    let document = replaced(document, "tables", &tables(language)).ok_or("tables")?;
    replaced(&document, "errors", &errors()).ok_or("errors")
}

/// A section for each table, in the order of SHOW TABLES.
fn tables(language: &CometQl) -> String {
    let mut text = String::new();
    for table in language.tables() {
        section(&mut text, table.as_ref());
    }
    text
}

fn section(text: &mut String, table: &dyn Table) {
    let guide = table.guide();
    let read_only = if table.is_read_only() {
        " Read-only."
    } else {
        ""
    };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "## {}\n\n{}.{read_only}\n\n| column | type | meaning |\n| --- | --- | --- |\n",
        table.name(),
        table.comment()
    );
    for column in table.columns() {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            column.name, column.type_text, column.comment
        );
    }
    if !guide.examples.is_empty() {
        text.push_str("\n```sql\n");
        for example in guide.examples {
            let _ = writeln!(text, "{};", example.statement);
            for line in example.answer {
                let _ = writeln!(text, "-- {line}");
            }
        }
        text.push_str("```\n");
    }
    if !guide.text.is_empty() {
        let _ = write!(text, "\n{}\n", guide.text);
    }
    text.push('\n');
}

/// One row for each kind of error.
fn errors() -> String {
    let mut text = "| number | MySQL's | SQLSTATE | when |\n| --- | --- | --- | --- |\n".to_owned();
    for kind in ErrorKind::ALL {
        let row = kind.row();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            row.cometql,
            row.mysql,
            row.sqlstate,
            kind.meaning()
        );
    }
    text.push('\n');
    text
}

fn replaced(document: &str, part: &str, text: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- {part} -->"),
        format!("<!-- end of {part} -->"),
    );
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{text}{end}{after}"))
}
