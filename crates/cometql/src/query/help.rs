//! `mysql.help_topic`: the forms of SHOW, which prompts read to complete them. What the
//! statements mean is in the documentation, not here.

/// The forms of SHOW, as a person would type them.
pub(super) const TOPICS: &[&str] = &[
    "SHOW CHARACTER SET",
    "SHOW COLLATION",
    "SHOW COLUMNS",
    "SHOW CREATE DATABASE",
    "SHOW CREATE TABLE",
    "SHOW DATABASES",
    "SHOW ENGINES",
    "SHOW ERRORS",
    "SHOW EVENTS",
    "SHOW FUNCTION STATUS",
    "SHOW GRANTS",
    "SHOW INDEX",
    "SHOW OPEN TABLES",
    "SHOW PLUGINS",
    "SHOW PRIVILEGES",
    "SHOW PROCEDURE STATUS",
    "SHOW PROCESSLIST",
    "SHOW STATUS",
    "SHOW TABLE STATUS",
    "SHOW TABLES",
    "SHOW TRIGGERS",
    "SHOW VARIABLES",
    "SHOW WARNINGS",
];

#[cfg(test)]
mod tests {
    use super::TOPICS;
    use crate::show::Show;

    #[test]
    fn every_topic_is_a_statement_that_is_answered() {
        for topic in TOPICS {
            let rest = match *topic {
                "SHOW COLUMNS" | "SHOW INDEX" => " FROM pipes",
                "SHOW CREATE DATABASE" => " CometQL_v1",
                "SHOW CREATE TABLE" => " pipes",
                _ => "",
            };
            let statement = format!("{topic}{rest}");
            assert!(Show::parse(&statement).is_ok(), "{statement}");
        }
    }
}
