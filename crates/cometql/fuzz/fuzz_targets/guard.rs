//! The command phase: any commands of a client that has logged in, in any
//! pieces. The input is a list of commands, each preceded by its length in two
//! bytes; with the first bit set it is the bytes of the stream themselves.

#![no_main]

use cometql_fuzz::{Client, check_framing, serve};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&form, input)) = input.split_first() else {
        return;
    };
    let is_raw = form & 1 != 0;
    let mut says = packet(1, LOGIN);
    match is_raw {
        true => says.extend_from_slice(input),
        false => says.extend(commands(input)),
    }
    let heard = serve(Client::new(says, piece(form)));
    check_framing(&heard, |first| first == 1 || is_raw);
});

/// A login that needs no key: every capability that is offered, no database.
const LOGIN: &[u8] = b"\x07\xA7\x3F\x00\0\0\0\x01\x2D\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0check\0\0mysql_native_password\0";

/// Every command begins with number 0, but for what answers the server's
/// question after a change of user.
fn commands(mut input: &[u8]) -> Vec<u8> {
    let mut says = Vec::new();
    let mut sequence = 0;
    while let Some((length, rest)) = input.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (command, rest) = rest.split_at(length);
        says.extend(packet(sequence, command));
        sequence = match (sequence, command.first()) {
            (0, Some(0x11)) => 2,
            _ => 0,
        };
        input = rest;
    }
    says
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_le_bytes()[..3].to_vec();
    bytes.push(sequence);
    bytes.extend_from_slice(payload);
    bytes
}

/// From a byte at a time to everything at once.
fn piece(form: u8) -> usize {
    1 << (form >> 1 & 0x0F)
}
