//! What a person should know of a table, beside its columns. Each table's file
//! says it; [`crate::reference`] prints it, and an end-to-end test runs it.

/// What a table's statements do, and how they look.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Guide {
    /// What each statement does, and what browsers notice: paragraphs of Markdown.
    pub(crate) text: &'static str,
    /// Statements in an order in which they can be tried.
    pub(crate) examples: &'static [Example],
}

/// A statement and what the server answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Example {
    /// The statement, without its semicolon.
    pub(crate) statement: &'static str,
    /// Lines: a header and rows with ` | ` between the values and `…` for what
    /// differs from time to time, or one line of the counts of an OK.
    pub(crate) answer: &'static [&'static str],
}

/// An example in the words of a table's file.
pub(crate) const fn example(statement: &'static str, answer: &'static [&'static str]) -> Example {
    Example { statement, answer }
}
