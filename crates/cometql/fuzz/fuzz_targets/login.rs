//! The connection phase: any packets in place of a login. The input is a list
//! of packets, each preceded by its length in two bytes, numbered as a client
//! would; with the first bit set it is the bytes of the stream themselves.

#![no_main]

use cometql_fuzz::{Client, check_framing, serve};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&form, input)) = input.split_first() else {
        return;
    };
    let says = match form & 1 {
        0 => packets(input),
        _ => input.to_vec(),
    };
    let heard = serve(Client::new(says, 1 << (form >> 1 & 0x0F)));
    check_framing(&heard, |_| true);
});

/// The greeting has number 0, and every packet of the client is asked for by one.
fn packets(mut input: &[u8]) -> Vec<u8> {
    let mut says = Vec::new();
    let mut sequence = 1u8;
    while let Some((length, rest)) = input.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        says.extend_from_slice(&(length as u32).to_le_bytes()[..3]);
        says.push(sequence);
        says.extend_from_slice(payload);
        sequence = sequence.wrapping_add(2);
        input = rest;
    }
    says
}
