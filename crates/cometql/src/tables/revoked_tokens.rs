//! `revoked_tokens`: tokens that let nobody in any more (compatibility reference
//! §3.9). A row goes by itself when its token has ended.

use std::sync::Arc;

use pipes::token::{MAX_REVOKED, TokenText};
use pipes::{Change, Hall};

use super::overlay::{KeyedChange, overlay_by_key};
use super::row::name_error;
use super::{Guide, InsertRow, Inserted, Table, example, storage_error, tenant};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const TOKEN: usize = 0;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("token", "varchar(600)", MAX_REVOKED as u32)
        .primary()
        .about("The token, or any other text of up to 600 bytes"),
];

const GUIDE: Guide = Guide {
    text: "Revoking a token that is valid now drops all connections of its user, also those that logged in by other means; the
user's key in `users_auth` stays. The insert id is 1. DELETE makes the token valid again. A row goes by itself within
half a minute after its token has ended; a text that does not say when it ends stays. See [tokens](#tokens).",
    examples: &[
        example(
            "INSERT INTO revoked_tokens (token) VALUES ('eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjo0Mn0.c2ln')",
            &["OK, affected rows 1, insert id 1"],
        ),
        example(
            "SELECT * FROM revoked_tokens",
            &["token", "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjo0Mn0.c2ln"],
        ),
        example(
            "DELETE FROM revoked_tokens WHERE token = 'eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjo0Mn0.c2ln'",
            &["OK, affected rows 0, info: Deleted: 1"],
        ),
    ],
};

/// The table.
pub(super) struct RevokedTokens {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for RevokedTokens {
    fn name(&self) -> &str {
        "revoked_tokens"
    }

    fn comment(&self) -> &str {
        "Tokens that let nobody in any more; INSERT drops their user's browsers"
    }

    fn columns(&self) -> &[TableColumn] {
        COLUMNS
    }

    fn rows(
        &self,
        context: &SessionContext,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        let dev_id = tenant(context.dev_id)?;
        let tokens = match filter.value(TOKEN) {
            Some(value) => match token_of(value) {
                Some(token)
                    if self
                        .hall
                        .is_revoked(dev_id, &token)
                        .map_err(storage_error)? =>
                {
                    vec![token]
                }
                _ => Vec::new(),
            },
            None => self.hall.revoked_tokens(dev_id).map_err(storage_error)?,
        };
        Ok(tokens
            .into_iter()
            .take(filter.limit)
            .map(|token| vec![token.reveal().into()])
            .collect())
    }

    fn overlay(
        &self,
        _context: &SessionContext,
        changes: &[Change],
        filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let changes = changes.iter().filter_map(|change| match change {
            Change::RevokeToken { token } => Some(KeyedChange::Put(vec![token.reveal().into()])),
            Change::RestoreToken { token } => Some(KeyedChange::Remove(token.reveal().into())),
            _ => None,
        });
        overlay_by_key(TOKEN, changes, filter, rows);
    }
}

impl Table for RevokedTokens {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        row.require(&[TOKEN])?;
        let token = TokenText::new(&row.text(TOKEN)?).map_err(name_error)?;
        Ok(Inserted {
            change: Change::RevokeToken { token },
            affected_rows: 1,
            insert_id: 1,
        })
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        if column != TOKEN {
            return Ok(None);
        }
        Ok(Some(match token_of(key) {
            Some(token) => vec![Change::RestoreToken { token }],
            None => Vec::new(),
        }))
    }

    fn delete_key(&self) -> Option<usize> {
        Some(TOKEN)
    }

    fn is_slow(&self) -> bool {
        true
    }
}

/// The token a condition asks for; a text that is too long for one is nobody's.
fn token_of(value: &Value) -> Option<TokenText> {
    match value {
        Value::Text(text) => TokenText::new(text).ok(),
        Value::Integer(number) => TokenText::new(&number.to_string()).ok(),
        Value::Null => None,
    }
}
