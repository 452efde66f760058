//! The client's half of the MySQL wire protocol, as little as publishing needs: login with
//! `mysql_native_password`, `COM_QUERY`, prepared INSERTs, and OK or ERR. Result sets are not
//! understood.
//!
//! Packets are encoded into and parsed from plain buffers, so that many statements can be on their
//! way at once; [`login`], [`execute`] and [`prepare_insert`] alone talk to a socket.

use std::io::{Read, Write};
use std::net::TcpStream;

use sha1::{Digest, Sha1};

use crate::error::Error;

/// The longest answer accepted from the server, in bytes. OK and ERR packets are far shorter.
const ANSWER_LENGTH_LIMIT: usize = 64 * 1024;

/// The longest statement, in bytes: one packet, no continuation.
pub(crate) const STATEMENT_LIMIT: usize = 0xFF_FF_FF - 1;

const COM_QUERY: u8 = 0x03;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const TYPE_VAR_STRING: u8 = 0xFD;

/// Pipe, event, message.
const PARAMETERS: u16 = 3;

const PLUGIN: &[u8] = b"mysql_native_password";

const CLIENT_LONG_PASSWORD: u32 = 0x0000_0001;
const CLIENT_LONG_FLAG: u32 = 0x0000_0004;
const CLIENT_PROTOCOL_41: u32 = 0x0000_0200;
const CLIENT_TRANSACTIONS: u32 = 0x0000_2000;
const CLIENT_SECURE_CONNECTION: u32 = 0x0000_8000;
const CLIENT_PLUGIN_AUTH: u32 = 0x0008_0000;

/// The server's answer to a statement that returns no rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done.
    Ok,
    /// Refused: the error number and text as a person would want to read them.
    Refused(String),
    /// No answer at all: something a server says in between. MySQL never does, some peers do.
    Aside,
}

/// Logs in on a fresh blocking socket. The socket's time limits are the caller's.
pub(crate) fn login(socket: &mut TcpStream, user: &str, password: &str) -> Result<(), Error> {
    let mut inbox = Vec::new();
    let greeting = read_packet(socket, &mut inbox)?;
    if greeting.first() == Some(&0xFF) {
        return Err(refused_login(&greeting));
    }
    let salt = parse_greeting(&greeting)
        .ok_or_else(|| broken("the greeting is not protocol version 10".into()))?;
    send(
        socket,
        &packet(1, &login_response(user, &scramble(password, &salt))),
    )?;
    let mut answer = read_packet(socket, &mut inbox)?;
    if let Some(salt) = auth_switch(&answer)? {
        send(socket, &packet(3, &scramble(password, &salt)))?;
        answer = read_packet(socket, &mut inbox)?;
    }
    match parse_answer(&answer)? {
        Answer::Ok | Answer::Aside => Ok(()),
        Answer::Refused(_) => Err(refused_login(&answer)),
    }
}

/// Carries out one statement that returns no rows, on a blocking socket.
pub(crate) fn execute(socket: &mut TcpStream, statement: &str) -> Result<(), Error> {
    let mut command = vec![COM_QUERY];
    command.extend_from_slice(statement.as_bytes());
    send(socket, &packet(0, &command))?;
    match parse_answer(&read_packet(socket, &mut Vec::new())?)? {
        Answer::Refused(answer) => Err(Error::Refused {
            what: "a statement",
            answer,
        }),
        Answer::Ok | Answer::Aside => Ok(()),
    }
}

/// Prepares the INSERT that [`write_execution`] executes, on a blocking socket; returns its number.
pub(crate) fn prepare_insert(socket: &mut TcpStream) -> Result<u32, Error> {
    let mut command = vec![COM_STMT_PREPARE];
    command
        .extend_from_slice(b"INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)");
    send(socket, &packet(0, &command))?;
    let mut inbox = Vec::new();
    let answer = read_packet(socket, &mut inbox)?;
    let &[0, a, b, c, d, columns_low, columns_high, low, high, ..] = answer.as_slice() else {
        return Err(broken("no statement was prepared".into()));
    };
    let parameters = u16::from_le_bytes([low, high]);
    // Each kind that is there at all is described one packet a piece, and then an EOF packet.
    for described in [parameters, u16::from_le_bytes([columns_low, columns_high])] {
        for _ in 0..described + u16::from(described > 0) {
            read_packet(socket, &mut inbox)?;
        }
    }
    if parameters != PARAMETERS {
        return Err(broken(format!(
            "a statement with {PARAMETERS} parameters was prepared with {parameters}"
        )));
    }
    Ok(u32::from_le_bytes([a, b, c, d]))
}

/// Appends a `COM_STMT_EXECUTE` packet of a statement [`prepare_insert`] made, for one row.
pub(crate) fn write_execution(
    statement: u32,
    pipe: &str,
    event: &str,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, COM_STMT_EXECUTE]);
    out.extend_from_slice(&statement.to_le_bytes());
    // No cursor, one iteration, no NULL, types follow.
    out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 1]);
    for _ in 0..PARAMETERS {
        out.extend_from_slice(&[TYPE_VAR_STRING, 0]);
    }
    for value in [pipe.as_bytes(), event.as_bytes(), payload] {
        write_length_encoded(value, out);
    }
    finish_packet(start, out)
}

/// Appends a `COM_QUERY` packet with an INSERT into `pipes_messages`, one row per payload.
///
/// Neither names nor payloads may contain quotes or backslashes: nothing is escaped. A statement
/// longer than [`STATEMENT_LIMIT`] is an error.
pub(crate) fn write_insert<'a>(
    pipe: &str,
    event: &str,
    payloads: impl Iterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, COM_QUERY]);
    out.extend_from_slice(b"INSERT INTO pipes_messages (name, event, message) VALUES ");
    for (row, payload) in payloads.enumerate() {
        if row > 0 {
            out.push(b',');
        }
        for part in [
            b"('",
            pipe.as_bytes(),
            b"','",
            event.as_bytes(),
            b"','",
            payload,
            b"')",
        ] {
            out.extend_from_slice(part);
        }
    }
    finish_packet(start, out)
}

/// Writes the length of the packet that began at `start` into its header.
fn finish_packet(start: usize, out: &mut [u8]) -> Result<(), Error> {
    let length = out.len() - start - 4;
    if length > STATEMENT_LIMIT {
        return Err(Error::Usage(format!(
            "a statement of {length} bytes does not fit in one packet; use a smaller --size or --batch"
        )));
    }
    if let Some(header) = out.get_mut(start..start + 3) {
        header.copy_from_slice(&(length as u32).to_le_bytes()[..3]);
    }
    Ok(())
}

fn write_length_encoded(value: &[u8], out: &mut Vec<u8>) {
    let length = (value.len() as u32).to_le_bytes();
    match value.len() {
        0..=250 => out.extend_from_slice(&length[..1]),
        251..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&length[..2]);
        }
        _ => {
            out.push(0xFD);
            out.extend_from_slice(&length[..3]);
        }
    }
    out.extend_from_slice(value);
}

/// The answer at the start of `bytes` and its length on the wire; `None` until it is complete.
pub(crate) fn next_answer(bytes: &[u8]) -> Result<Option<(Answer, usize)>, Error> {
    match next_packet(bytes)? {
        Some((payload, length)) => Ok(Some((parse_answer(payload)?, length))),
        None => Ok(None),
    }
}

/// `SHA1(p) XOR SHA1(salt + SHA1(SHA1(p)))`; nothing at all for an empty password.
fn scramble(password: &str, salt: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let once = Sha1::digest(password);
    let twice = Sha1::digest(once);
    let salted = Sha1::new()
        .chain_update(salt)
        .chain_update(twice)
        .finalize();
    once.iter().zip(salted).map(|(a, b)| a ^ b).collect()
}

fn next_packet(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Error> {
    let [a, b, c, _sequence, rest @ ..] = bytes else {
        return Ok(None);
    };
    let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
    if length > ANSWER_LENGTH_LIMIT {
        return Err(broken(format!(
            "a packet of {length} bytes where OK or ERR was expected"
        )));
    }
    Ok(rest.get(..length).map(|payload| (payload, length + 4)))
}

fn parse_answer(payload: &[u8]) -> Result<Answer, Error> {
    match payload {
        [0x00, ..] => Ok(Answer::Ok),
        [0xFF, low, high, text @ ..] => {
            // After a login that spoke protocol 4.1, '#' and five characters of SQLSTATE.
            let (state, text) = match text {
                [b'#', state @ ..] if state.len() >= 5 => state.split_at(5),
                text => (&b""[..], text),
            };
            let code = u16::from_le_bytes([*low, *high]);
            let state = String::from_utf8_lossy(state);
            Ok(Answer::Refused(format!(
                "error {code} ({state}) {}",
                String::from_utf8_lossy(text)
            )))
        }
        other => Err(broken(format!(
            "a packet starting {:02x?} where OK or ERR was expected",
            other.first()
        ))),
    }
}

/// The 20 bytes of salt in the server's first packet.
fn parse_greeting(payload: &[u8]) -> Option<Vec<u8>> {
    let rest = payload.strip_prefix(&[10])?;
    let version_end = memchr::memchr(0, rest)?;
    let rest = rest.get(version_end + 1 + 4..)?;
    let mut salt = rest.get(..8)?.to_vec();
    // Filler, capabilities, charset, status, capabilities, salt length, 10 reserved bytes.
    salt.extend_from_slice(rest.get(8 + 1 + 2 + 1 + 2 + 2 + 1 + 10..)?.get(..12)?);
    Some(salt)
}

fn login_response(user: &str, scramble: &[u8]) -> Vec<u8> {
    let capabilities = CLIENT_LONG_PASSWORD
        | CLIENT_LONG_FLAG
        | CLIENT_PROTOCOL_41
        | CLIENT_TRANSACTIONS
        | CLIENT_SECURE_CONNECTION
        | CLIENT_PLUGIN_AUTH;
    let mut out = Vec::new();
    out.extend_from_slice(&capabilities.to_le_bytes());
    out.extend_from_slice(&(STATEMENT_LIMIT as u32).to_le_bytes());
    out.push(45);
    out.extend_from_slice(&[0; 23]);
    out.extend_from_slice(user.as_bytes());
    out.push(0);
    out.push(scramble.len() as u8);
    out.extend_from_slice(scramble);
    out.extend_from_slice(PLUGIN);
    out.push(0);
    out
}

/// The fresh salt if the server asks to authenticate again with the native plugin.
fn auth_switch(payload: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let [0xFE, rest @ ..] = payload else {
        return Ok(None);
    };
    let mut parts = rest.split(|&byte| byte == 0);
    let plugin = parts.next().unwrap_or_default();
    if plugin != PLUGIN {
        return Err(broken(format!(
            "it wants the login plugin {:?}, this program knows only mysql_native_password",
            String::from_utf8_lossy(plugin)
        )));
    }
    Ok(Some(parts.next().unwrap_or_default().to_vec()))
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_le_bytes().to_vec();
    out.truncate(3);
    out.push(sequence);
    out.extend_from_slice(payload);
    out
}

fn send(socket: &mut TcpStream, bytes: &[u8]) -> Result<(), Error> {
    socket
        .write_all(bytes)
        .map_err(|error| Error::connection("take the login", error))
}

fn read_packet(socket: &mut TcpStream, inbox: &mut Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut chunk = [0; 1024];
    loop {
        if let Some((payload, length)) = next_packet(inbox)? {
            let payload = payload.to_vec();
            inbox.drain(..length);
            return Ok(payload);
        }
        let count = socket
            .read(&mut chunk)
            .map_err(|error| Error::connection("answer the login", error))?;
        if count == 0 {
            return Err(Error::Refused {
                what: "the login",
                answer: "it closed the connection".into(),
            });
        }
        inbox.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}

fn refused_login(payload: &[u8]) -> Error {
    let answer = match parse_answer(payload) {
        Ok(Answer::Refused(answer)) => answer,
        _ => "an answer without a reason".into(),
    };
    Error::Refused {
        what: "the login (check --dev and --key)",
        answer,
    }
}

fn broken(detail: String) -> Error {
    Error::Protocol {
        protocol: "MySQL wire",
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What `SELECT PASSWORD('password')` printed for twenty years: SHA1(SHA1(p)).
    const STORED: [u8; 20] = [
        0x24, 0x70, 0xC0, 0xC0, 0x6D, 0xEE, 0x42, 0xFD, 0x16, 0x18, 0xBB, 0x99, 0x00, 0x5A, 0xDC,
        0xA2, 0xEC, 0x9D, 0x1E, 0x19,
    ];

    #[test]
    fn a_server_that_stored_the_well_known_hash_accepts_the_scramble() {
        let salt = b"abcdefghijklmnopqrst";
        let token = scramble("password", salt);
        assert_eq!(token.len(), 20);
        let mask = Sha1::new()
            .chain_update(salt)
            .chain_update(STORED)
            .finalize();
        let once: Vec<u8> = token.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        assert_eq!(Sha1::digest(once).as_slice(), STORED);
    }

    #[test]
    fn an_empty_password_sends_an_empty_scramble() {
        assert!(scramble("", b"abcdefghijklmnopqrst").is_empty());
    }

    #[test]
    fn the_salt_is_gathered_from_both_halves_of_the_greeting() {
        let mut greeting =
            b"\x0a8.0.36-test\0\x01\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xc7\x15".to_vec();
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(b"ijklmnopqrst\0mysql_native_password\0");
        assert_eq!(parse_greeting(&greeting).unwrap(), b"abcdefghijklmnopqrst");
        for cut in 0..greeting.len() - 23 {
            assert!(parse_greeting(&greeting[..cut]).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn an_insert_is_one_packet_with_one_row_per_payload() {
        let mut out = vec![0xAA];
        write_insert("web_p", "e", [&b"one"[..], b"two"].into_iter(), &mut out).unwrap();
        let text = b"\x03INSERT INTO pipes_messages (name, event, message) VALUES ('web_p','e','one'),('web_p','e','two')";
        let (payload, length) = next_packet(&out[1..]).unwrap().unwrap();
        assert_eq!(payload, text);
        assert_eq!(length, out.len() - 1);
    }

    #[test]
    fn an_execution_binds_three_strings_of_any_length() {
        for (size, prefix) in [(60, vec![60]), (300, vec![0xFC, 0x2C, 0x01])] {
            let mut out = Vec::new();
            write_execution(7, "web_p", "e", &vec![b'x'; size], &mut out).unwrap();
            let (payload, length) = next_packet(&out).unwrap().unwrap();
            assert_eq!(length, out.len());
            let (head, payload) = payload.split_at(18);
            assert_eq!(
                head,
                [
                    0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0xFD, 0, 0xFD, 0, 0xFD, 0
                ]
            );
            let rest = payload.strip_prefix(b"\x05web_p\x01e").unwrap();
            assert_eq!(rest.strip_prefix(&prefix[..]).unwrap().len(), size);
        }
    }

    #[test]
    fn answers_cut_at_every_byte_are_read_whole() {
        let mut bytes = packet(1, &[0, 1, 0, 2, 0, 0, 0]);
        bytes.extend(packet(1, b"\xff\x0c\0#42000bad name"));
        let expected = [
            Answer::Ok,
            Answer::Refused("error 12 (42000) bad name".into()),
        ];
        for cut in 0..bytes.len() {
            let mut found = Vec::new();
            let mut pending = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                pending.extend_from_slice(part);
                while let Some((answer, length)) = next_answer(&pending).unwrap() {
                    found.push(answer);
                    pending.drain(..length);
                }
            }
            assert_eq!(found, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_switch_to_the_native_plugin_is_followed_and_another_is_refused() {
        let salt = auth_switch(b"\xfemysql_native_password\0abcdefghijklmnopqrst\0").unwrap();
        assert_eq!(salt.unwrap(), b"abcdefghijklmnopqrst");
        assert!(auth_switch(b"\xfecaching_sha2_password\0abc\0").is_err());
        assert_eq!(auth_switch(&[0, 0, 0, 2, 0, 0, 0]).unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(bytes: Vec<u8>) {
            let _ = next_answer(&bytes);
            parse_greeting(&bytes);
            let _ = auth_switch(&bytes);
            let _ = parse_answer(&bytes);
        }
    }
}
