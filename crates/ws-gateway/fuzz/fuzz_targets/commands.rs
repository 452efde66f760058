//! What a browser says in a text message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ws_gateway::fuzzing;

fuzz_target!(|text: &str| fuzzing::a_command_is_read_or_refused(text));
