//! Many runs in one: [`report`] measures everything against everything, [`compare`] two server
//! binaries. Whoever takes part in a case takes turns, so that whatever the machine does meanwhile
//! happens to all of them, and ratios are taken turn by turn.
//!
//! [`cases`] is what is measured, [`curves`] how it grows and [`targets`] what must come out;
//! [`contender`] who is measured; [`findings`] what came out; [`markdown`], [`chart`] and
//! [`machine`] how it is told.

mod cases;
mod chart;
pub(crate) mod compare;
mod contender;
mod curves;
mod findings;
mod machine;
mod markdown;
pub(crate) mod report;
mod targets;
