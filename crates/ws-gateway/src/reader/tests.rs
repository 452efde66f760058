//! Every way of cutting a client's bytes gives the same messages, and nothing but
//! what RFC 6455 allows gives any.

use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1000;

/// What was read, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

impl From<Incoming<'_>> for Heard {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.to_owned()),
            Incoming::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Incoming::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Incoming::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Incoming::Close(code) => Self::Close(code),
        }
    }
}

fn masked(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend(mask);
    let mask = mask.iter().cycle();
    frame.extend(payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    frame
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, [0x11, 0x22, 0x33, 0x44])
}

/// Everything in `pieces`, read one after the other.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Heard>, Violation> {
    let mut reader = FrameReader::new(LIMIT);
    let mut heard = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = piece.as_mut_slice();
        while let Some(incoming) = reader.next(&mut input)? {
            heard.push(incoming.into());
        }
        assert!(input.is_empty(), "all of it is taken");
    }
    Ok(heard)
}

#[test]
fn what_came_whole_is_kept_nowhere() {
    let mut reader = FrameReader::new(LIMIT);
    let mut bytes = [frame(0x81, b"hello"), frame(0x89, b"p")].concat();
    let mut input = bytes.as_mut_slice();
    let text = reader.next(&mut input).unwrap();
    assert_eq!(text, Some(Incoming::Text("hello")));
    let ping = reader.next(&mut input).unwrap();
    assert_eq!(ping, Some(Incoming::Ping(b"p")));
    assert_eq!(reader.next(&mut input), Ok(None));
    assert!(reader.kept.is_none());
}

#[test]
fn what_was_kept_is_let_go_of_once_it_is_read() {
    let mut reader = FrameReader::new(LIMIT);
    let bytes = [frame(0x01, b"he"), frame(0x80, b"llo")].concat();
    for byte in &bytes[..bytes.len() - 1] {
        assert_eq!(reader.next(&mut [*byte].as_mut_slice()), Ok(None));
        assert!(reader.kept.is_some());
    }
    let mut last = [bytes[bytes.len() - 1]];
    let text = reader.next(&mut last.as_mut_slice()).unwrap();
    assert_eq!(text, Some(Incoming::Text("hello")));
    assert_eq!(reader.next(&mut [].as_mut_slice()), Ok(None));
    assert!(reader.kept.is_none());
}

#[test]
fn control_frames_come_between_fragments() {
    let bytes = [
        frame(0x01, "прив".as_bytes()),
        frame(0x89, b"between"),
        frame(0x00, b""),
        frame(0x8a, b"unasked"),
        frame(0x80, "ет".as_bytes()),
        frame(0x88, &[0x03, 0xe8]),
    ]
    .concat();
    assert_eq!(
        read([bytes.as_slice()]).unwrap(),
        [
            Heard::Ping(b"between".to_vec()),
            Heard::Pong(b"unasked".to_vec()),
            Heard::Text("привет".to_owned()),
            Heard::Close(Some(1000)),
        ]
    );
}

#[test]
fn a_character_may_be_cut_between_fragments_but_not_be_wrong() {
    let text = "яя".as_bytes();
    let cut = [frame(0x01, &text[..1]), frame(0x80, &text[1..])].concat();
    assert_eq!(read([cut.as_slice()]).unwrap(), [Heard::Text("яя".into())]);
    let wrong = [frame(0x01, &text[..1]), frame(0x00, b"x")].concat();
    assert_eq!(read([wrong.as_slice()]), Err(Violation::NotUtf8));
    let unfinished = [frame(0x01, &text[..2]), frame(0x80, &text[2..3])].concat();
    assert_eq!(read([unfinished.as_slice()]), Err(Violation::NotUtf8));
    let binary = [frame(0x02, &text[..1]), frame(0x80, b"x")].concat();
    assert_eq!(
        read([binary.as_slice()]).unwrap(),
        [Heard::Binary(vec![0xd1, b'x'])]
    );
}

#[test]
fn the_bound_holds_for_frames_and_for_fragments_together() {
    let exact = frame(0x82, &[0; LIMIT]);
    assert_eq!(
        read([exact.as_slice()]).unwrap(),
        [Heard::Binary(vec![0; LIMIT])]
    );
    // Refused by its head, before there is anything to keep.
    let head = &frame(0x82, &[0; LIMIT + 1])[..8];
    assert_eq!(read([head]), Err(Violation::TooLong(LIMIT)));
    let fragments = [frame(0x02, &[0; LIMIT]), frame(0x80, &[0])].concat();
    assert_eq!(read([fragments.as_slice()]), Err(Violation::TooLong(LIMIT)));
    let beyond = [vec![0x81], vec![0xff; 13]].concat();
    assert_eq!(read([beyond.as_slice()]), Err(Violation::TooLong(LIMIT)));
}

#[test]
fn what_is_not_allowed_is_named() {
    let unmasked = [&[0x81, 5][..], b"hello"].concat();
    for (bytes, violation) in [
        (frame(0xc1, b"x"), Violation::ReservedBits),
        (frame(0x83, b"x"), Violation::UnknownOpcode(3)),
        (frame(0x8b, b"x"), Violation::UnknownOpcode(11)),
        (unmasked, Violation::NotMasked),
        (frame(0x89, &[0; 126]), Violation::BadControlFrame),
        (frame(0x09, b"x"), Violation::BadControlFrame),
        (frame(0x80, b"x"), Violation::NothingToContinue),
        (
            [frame(0x01, b"x"), frame(0x81, b"y")].concat(),
            Violation::MessageInMessage,
        ),
        (frame(0x88, b"x"), Violation::BadClose),
        (frame(0x88, b"\x03\xe8\xff"), Violation::NotUtf8),
        (frame(0x81, b"\xff"), Violation::NotUtf8),
    ] {
        assert_eq!(read([bytes.as_slice()]), Err(violation));
    }
}

/// A frame, or several that make one message, and what is to be heard of them.
fn said() -> impl Strategy<Value = (Vec<u8>, Heard)> {
    let mask = any::<[u8; 4]>();
    let text = ("\\PC{0,40}", proptest::collection::vec(0usize..160, 0..4));
    prop_oneof![
        (text, mask).prop_map(|((text, cuts), mask)| {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
            cuts.sort_unstable();
            let mut bytes = Vec::new();
            let mut start = 0;
            for (place, end) in cuts.iter().chain([&text.len()]).enumerate() {
                let opcode = u8::from(place == 0);
                let is_final = if place == cuts.len() { 0x80 } else { 0 };
                let fragment = &text.as_bytes()[start..*end];
                bytes.extend(masked(is_final | opcode, fragment, mask));
                start = *end;
            }
            (bytes, Heard::Text(text))
        }),
        (
            proptest::collection::vec(any::<u8>(), 0..300),
            any::<[u8; 4]>()
        )
            .prop_map(|(payload, mask)| (masked(0x82, &payload, mask), Heard::Binary(payload))),
        (
            proptest::collection::vec(any::<u8>(), 0..126),
            any::<[u8; 4]>()
        )
            .prop_map(|(payload, mask)| (masked(0x89, &payload, mask), Heard::Ping(payload))),
    ]
}

proptest! {
    #[test]
    fn wherever_the_bytes_are_cut_the_same_is_heard(
        said in proptest::collection::vec(said(), 0..6),
        cuts in proptest::collection::vec(1usize..50, 1..20),
    ) {
        let bytes: Vec<u8> = said.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let expected: Vec<Heard> = said.into_iter().map(|(_, heard)| heard).collect();
        prop_assert_eq!(read(pieces).unwrap(), expected);
    }

    #[test]
    fn any_bytes_are_read_without_panic(
        pieces in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..40), 0..10)
    ) {
        let _ = read(pieces.iter().map(Vec::as_slice));
    }
}
