//! Window functions: `… OVER (PARTITION BY … ORDER BY … ROWS …)`, `OVER name`
//! and the WINDOW clause. SQLite computes them; what is MySQL's alone is here.

use sqlparser::ast::{
    Expr, NamedWindowDefinition, NamedWindowExpr, Value, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowSpec, WindowType,
};

use super::expression::{Rendered, Result};
use super::numbers::computed;
use super::rewrite::Rewriter;
use super::scope::{Kind, quoted};
use crate::error::{ErrorKind, SqlError};

/// A function that exists only with OVER.
struct WindowFunction {
    name: &'static str,
    /// Fewest and most arguments.
    arity: (usize, usize),
    /// `None`: the kind of its first argument.
    makes: Option<Kind>,
}

const fn window(name: &'static str, arity: (usize, usize), makes: Option<Kind>) -> WindowFunction {
    WindowFunction { name, arity, makes }
}

const FUNCTIONS: &[WindowFunction] = &[
    window("CUME_DIST", (0, 0), Some(Kind::Real)),
    window("DENSE_RANK", (0, 0), Some(Kind::Number)),
    window("FIRST_VALUE", (1, 1), None),
    window("LAG", (1, 3), None),
    window("LAST_VALUE", (1, 1), None),
    window("LEAD", (1, 3), None),
    window("NTH_VALUE", (2, 2), None),
    window("NTILE", (1, 1), Some(Kind::Number)),
    window("PERCENT_RANK", (0, 0), Some(Kind::Real)),
    window("RANK", (0, 0), Some(Kind::Number)),
    window("ROW_NUMBER", (0, 0), Some(Kind::Number)),
];

/// Whether a function exists only with OVER.
pub(super) fn is_window_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.name == name)
}

/// The names of the functions that need an OVER.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

impl Rewriter<'_> {
    /// A call of a function that exists only with OVER; `None` for all others.
    pub(super) fn window_function(
        &mut self,
        name: &str,
        arguments: &[Rendered],
        over: &str,
    ) -> Result<Option<Rendered>> {
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            return Ok(None);
        };
        if over.is_empty() {
            return Err(SqlError::syntax(format!("{name} needs an OVER (…)")));
        }
        let (fewest, most) = function.arity;
        if arguments.len() < fewest || arguments.len() > most {
            return Err(SqlError::new(
                ErrorKind::ArgumentCount,
                format!("Incorrect parameter count in the call to native function '{name}'"),
            ));
        }
        let kind = match (function.makes, arguments.first()) {
            (Some(kind), _) => kind,
            (None, first) => first.map_or(Kind::Other, |first| computed(first.kind)),
        };
        let arguments: Vec<_> = arguments.iter().map(|part| part.sql.as_str()).collect();
        let function = name.to_ascii_lowercase();
        Ok(Some(Rendered::of(
            format!("{function}({}){over}", arguments.join(", ")),
            kind,
        )))
    }

    /// What follows a function's arguments: ` OVER (…)`.
    pub(super) fn over(&mut self, window: &WindowType) -> Result<String> {
        Ok(match window {
            WindowType::NamedWindow(name) => format!(" OVER {}", quoted(&name.value)),
            WindowType::WindowSpec(window) => format!(" OVER ({})", self.window(window)?),
        })
    }

    /// The WINDOW clause.
    pub(super) fn named_windows(&mut self, named: &[NamedWindowDefinition]) -> Result<String> {
        if named.is_empty() {
            return Ok(String::new());
        }
        let mut parts = Vec::with_capacity(named.len());
        for NamedWindowDefinition(name, window) in named {
            let window = match window {
                NamedWindowExpr::NamedWindow(other) => quoted(&other.value),
                NamedWindowExpr::WindowSpec(window) => self.window(window)?,
            };
            parts.push(format!("{} AS ({window})", quoted(&name.value)));
        }
        Ok(format!(" WINDOW {}", parts.join(", ")))
    }

    fn window(&mut self, window: &WindowSpec) -> Result<String> {
        let mut parts = Vec::new();
        if let Some(base) = &window.window_name {
            parts.push(quoted(&base.value));
        }
        if !window.partition_by.is_empty() {
            let mut by = Vec::with_capacity(window.partition_by.len());
            for expression in &window.partition_by {
                by.push(self.expression(expression)?.compared());
            }
            parts.push(format!("PARTITION BY {}", by.join(", ")));
        }
        if !window.order_by.is_empty() {
            parts.push(format!("ORDER BY {}", self.order_list(&window.order_by)?));
        }
        if let Some(frame) = &window.window_frame {
            parts.push(self.frame(frame)?);
        }
        Ok(parts.join(" "))
    }

    fn frame(&mut self, frame: &WindowFrame) -> Result<String> {
        let units = match frame.units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => {
                return Err(SqlError::unsupported("a frame of GROUPS is not offered"));
            }
        };
        let start = self.bound(&frame.start_bound)?;
        match &frame.end_bound {
            Some(end) => Ok(format!("{units} BETWEEN {start} AND {}", self.bound(end)?)),
            None => Ok(format!("{units} {start}")),
        }
    }

    fn bound(&mut self, bound: &WindowFrameBound) -> Result<String> {
        let (distance, side) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".to_owned()),
            WindowFrameBound::Preceding(distance) => (distance, "PRECEDING"),
            WindowFrameBound::Following(distance) => (distance, "FOLLOWING"),
        };
        match distance.as_deref() {
            None => Ok(format!("UNBOUNDED {side}")),
            Some(Expr::Value(value)) if matches!(value.value, Value::Number(..)) => {
                Ok(format!("{} {side}", self.value(value)?.sql))
            }
            Some(_) => Err(SqlError::unsupported(
                "the bound of a frame is a number written out",
            )),
        }
    }
}
