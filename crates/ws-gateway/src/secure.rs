//! A socket with TLS on it, used as one without: never blocking, and what counts
//! as written is what the kernel has taken. Handshakes are not made here.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustls::ServerConnection;

/// How much is encrypted ahead of what the socket takes, in bytes.
const AHEAD: usize = 64 * 1024;
/// How often a browser may send and say nothing in one reading.
const EMPTY_ROUNDS: usize = 64;

/// An open TLS connection that never blocks.
#[derive(Debug)]
pub(crate) struct SecureSocket {
    stream: TcpStream,
    session: ServerConnection,
    /// Bytes that are encrypted but not yet counted as written: the socket
    /// would not take all of them.
    owed: usize,
}

impl SecureSocket {
    /// Takes over after the handshake. Gives what the browser has sent already.
    ///
    /// # Errors
    /// The session's, when the browser broke TLS in its first bytes.
    pub(crate) fn new(
        stream: TcpStream,
        mut session: ServerConnection,
    ) -> io::Result<(Self, Vec<u8>)> {
        session.set_buffer_limit(Some(AHEAD));
        let mut early = Vec::new();
        match session.reader().read_to_end(&mut early) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let socket = Self {
            stream,
            session,
            owed: 0,
        };
        Ok((socket, early))
    }

    /// The TCP connection below.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads what there is; 0 at the end of the stream. It may give less than
    /// there is: only `WouldBlock` means that nothing is left.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..EMPTY_ROUNDS {
            match self.session.reader().read(buffer) {
                // Browsers that vanish without a last word are no error of ours.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            self.session.read_tls(&mut self.stream)?;
            if let Err(error) = self.session.process_new_packets() {
                // The alert may tell the browser what was wrong.
                let _ = self.send();
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            // Answers of TLS itself; what the socket does not take goes with the next writing.
            match self.send() {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        let text = "records without anything in them";
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }

    /// Writes as much as the socket takes of several pieces, in order: what is
    /// left is left because the socket is full. The next call must begin with it.
    pub(crate) fn write_vectored(&mut self, pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut rest = pieces;
        let mut written = 0;
        loop {
            match self.send() {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && written > 0 => {
                    return Ok(written);
                }
                Err(error) => return Err(error),
            }
            // The kernel has all that is encrypted; of it no more counts than is offered.
            let counted = self.owed.min(offered - written);
            self.owed -= counted;
            written += counted;
            IoSlice::advance_slices(&mut rest, counted);
            if written >= offered {
                return Ok(written);
            }
            self.owed = self.session.writer().write_vectored(rest)?;
            if self.owed == 0 {
                return Ok(written);
            }
        }
    }

    /// Ends one or both directions, the sending one with TLS's own last word.
    pub(crate) fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            self.session.send_close_notify();
            let _ = self.send();
        }
        self.stream.shutdown(how)
    }

    /// Sends what is encrypted.
    fn send(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.stream)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::thread;

    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};

    use super::*;

    type Client = StreamOwned<ClientConnection, TcpStream>;

    /// A socket after its handshake, and a browser that has said `first` with it.
    fn pair(first: &'static [u8]) -> (SecureSocket, Vec<u8>, Client) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let ours = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let theirs = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(theirs), name).unwrap();
        let mut client = StreamOwned::new(session, stream);
        let greeted = thread::spawn(move || {
            client.write_all(first).unwrap();
            client.flush().unwrap();
            client
        });
        let (mut stream, _) = listener.accept().unwrap();
        let mut session = ServerConnection::new(Arc::new(ours)).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut stream).unwrap();
        }
        let client = greeted.join().unwrap();
        stream.set_nonblocking(true).unwrap();
        let (socket, early) = SecureSocket::new(stream, session).unwrap();
        (socket, early, client)
    }

    fn read_all(socket: &mut SecureSocket, wanted: usize) -> Vec<u8> {
        let mut got = Vec::new();
        let mut buffer = [0; 100];
        while got.len() < wanted {
            match socket.read(&mut buffer) {
                Ok(count) => got.extend(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
        got
    }

    #[test]
    fn what_came_with_the_handshake_is_not_lost() {
        let (mut socket, mut early, mut client) = pair(b"first words");
        let rest = "first words".len() - early.len();
        early.extend(read_all(&mut socket, rest));
        assert_eq!(early, b"first words");
        let long: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let sent = long.clone();
        let sending = thread::spawn(move || {
            client.write_all(&sent).unwrap();
            client.flush().unwrap();
            client
        });
        assert_eq!(read_all(&mut socket, long.len()), long);
        drop(sending.join().unwrap());
        let mut buffer = [0; 10];
        let end = loop {
            match socket.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
                end => break end,
            }
        };
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }

    /// Writes what is left of `all` past `written`, `count` pieces of `size` at once,
    /// while the browser reads; it gets all of it.
    fn arrives_whole(
        socket: &mut SecureSocket,
        mut client: Client,
        all: &[u8],
        mut written: usize,
        (size, count): (usize, usize),
    ) {
        let total = all.len();
        let reading = thread::spawn(move || {
            let mut got = vec![0; total];
            client.read_exact(&mut got).unwrap();
            got
        });
        while written < total {
            let rest = all[written..].chunks(size).take(count);
            let mut pieces: Vec<IoSlice<'_>> = rest.map(IoSlice::new).collect();
            match socket.write_vectored(&mut pieces) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(reading.join().unwrap() == all);
    }

    #[test]
    fn every_byte_that_counts_as_written_arrives_once_and_in_order() {
        let (mut socket, _, client) = pair(b"x");
        let all: Vec<u8> = (0..8_000_000_u32)
            .map(|number| (number / 7) as u8)
            .collect();
        let total = all.len();
        // More than both ends take: the kernel is full long before the end.
        let mut written = 0;
        let mut blocked = 0;
        while written < total {
            let mut pieces: Vec<IoSlice<'_>> = all[written..]
                .chunks(10_007)
                .take(9)
                .map(IoSlice::new)
                .collect();
            match socket.write_vectored(&mut pieces) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    blocked += 1;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(blocked, 1, "the kernel took {written} bytes");
        arrives_whole(&mut socket, client, &all, written, (10_007, 9));
    }

    #[test]
    fn what_was_offered_in_one_piece_may_go_on_in_small_ones() {
        let (mut socket, _, client) = pair(b"x");
        let all: Vec<u8> = (0..6_000_000_u32)
            .map(|number| (number / 11) as u8)
            .collect();
        let total = all.len();
        let mut written = 0;
        // One piece as long as is encrypted ahead, until the kernel is full.
        loop {
            let piece = &all[written..(written + 60_000).min(total)];
            match socket.write_vectored(&mut [IoSlice::new(piece)]) {
                Ok(count) => written += count,
                Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        arrives_whole(&mut socket, client, &all, written, (100, 64));
    }
}
