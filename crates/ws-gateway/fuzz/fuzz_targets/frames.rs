//! The frames of a browser: cut into whatever pieces the network makes of them, they
//! say what they say in one piece.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ws_gateway::reader::{FrameReader, Incoming, Violation};

const LIMIT: usize = 1000;

/// All that is said in `bytes`, read `piece` bytes at a time, and how it ends.
fn read(bytes: &[u8], piece: usize) -> (Vec<String>, Option<Violation>) {
    let mut reader = FrameReader::new(LIMIT);
    let mut said = Vec::new();
    for chunk in bytes.chunks(piece) {
        let mut chunk = chunk.to_vec();
        let mut input = chunk.as_mut_slice();
        loop {
            match reader.next(&mut input) {
                Ok(Some(incoming)) => {
                    let length = match &incoming {
                        Incoming::Text(text) => text.len(),
                        Incoming::Binary(bytes) | Incoming::Ping(bytes) | Incoming::Pong(bytes) => {
                            bytes.len()
                        }
                        Incoming::Close(_) => 0,
                    };
                    assert!(length <= LIMIT);
                    let is_close = matches!(incoming, Incoming::Close(_));
                    said.push(format!("{incoming:?}"));
                    if is_close {
                        return (said, None);
                    }
                }
                Ok(None) => break,
                Err(violation) => return (said, Some(violation)),
            }
        }
        assert!(input.is_empty());
    }
    (said, None)
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (piece, bytes) = input;
    let whole = read(&bytes, bytes.len().max(1));
    assert_eq!(read(&bytes, usize::from(piece).max(1)), whole);
    assert_eq!(read(&bytes, 1), whole);
});
