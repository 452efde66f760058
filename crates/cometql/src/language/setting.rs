//! SET: system variables, and the session's own (`@name`), which INSERT may take
//! for values.

use std::sync::Arc;

use sqlparser::ast::{Query, SetExpr};

use super::CometQlSession;
use crate::error::{ErrorKind, SqlError};
use crate::query::user_variables::{UserValue, variable_name};
use crate::statement::{Assignment, Insert, Literal, Value};

impl CometQlSession {
    /// Clients SET a lot on connecting; what this server does not know has no
    /// effect and is no error (compatibility reference §5.3). User variables are
    /// computed before any of them changes, as MySQL has it.
    pub(super) async fn set(&mut self, assignments: &[Assignment]) -> Result<(), SqlError> {
        let mut after = self.context.variables.as_ref().clone();
        let mut own = Arc::clone(&self.context.user_variables);
        for Assignment {
            global,
            name,
            value,
        } in assignments
        {
            if *global {
                continue;
            }
            if let Some(name) = variable_name(name) {
                let value = self.computed(value).await?;
                Arc::make_mut(&mut own).set(&name, value)?;
                continue;
            }
            let is_computed = value.starts_with('@') || name == "sql_mode" && value.contains('(');
            let computed = match is_computed {
                true => match self
                    .computed(value)
                    .await
                    .ok()
                    .and_then(|value| value.text())
                {
                    Some(computed) => Some(computed),
                    None => continue,
                },
                false => None,
            };
            let value = computed.as_deref().unwrap_or(value);
            match after.set(name, Some(value)) {
                Err(error) if error.kind == ErrorKind::UnknownVariable => {}
                // A SET that would break a session is told; the rest is tolerated.
                Err(error) if name.starts_with("cometwire_") => return Err(error),
                Err(_) | Ok(()) => {}
            }
        }
        // Switching autocommit on commits what was collected while it was off.
        if after.autocommit() && !self.context.variables.autocommit() {
            self.commit(false).await?;
        }
        self.context.variables = Arc::new(after);
        self.context.user_variables = own;
        Ok(())
    }

    /// Puts what user variables hold in place of them.
    pub(super) fn put_variables(&self, insert: &mut Insert) {
        for value in insert.rows.iter_mut().flatten() {
            let Value::Variable(name) = value else {
                continue;
            };
            let held = self.context.user_variables.get(name);
            *value = match (held, held.text()) {
                (_, None) => Value::Null,
                (UserValue::Text(_), Some(text)) => Value::Text(Literal::plain(text)),
                (_, Some(number)) => Value::Number(number.into()),
            };
        }
    }

    /// What an expression after `SET name =` is. A system variable that there is not
    /// is NULL: clients of other servers save many that are not here.
    async fn computed(&self, expression: &str) -> Result<UserValue, SqlError> {
        let query = self.as_query(&format!("SELECT ({expression})"))?;
        if !is_value(&query) {
            return Err(SqlError::syntax(
                "SET takes an expression for each variable",
            ));
        }
        let found = self
            .querying(move |language, context| language.engine.value(&query, context))
            .await;
        match found {
            Err(error)
                if error.kind == ErrorKind::UnknownVariable && expression.starts_with("@@") =>
            {
                Ok(UserValue::Null)
            }
            found => found,
        }
    }
}

/// Whether a query is nothing but `SELECT (expression)`.
fn is_value(query: &Query) -> bool {
    let is_bare = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    match &*query.body {
        SetExpr::Select(select) => {
            is_bare
                && select.projection.len() == 1
                && select.from.is_empty()
                && select.selection.is_none()
        }
        _ => false,
    }
}
