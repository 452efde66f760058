//! The wire against those who will use it: real client programs, and raw bytes
//! where a program would be too polite. Behind it stands a small language of
//! the tests' own, so that nothing but the wire can fail.

mod backend;
mod commands;
mod hostile;
mod lifecycle;
mod logins;
mod programs;
mod raw;
