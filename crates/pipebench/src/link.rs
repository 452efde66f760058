//! A subscriber's connection: a socket, bare or under TLS. A server's certificate is not looked at:
//! it is the one the server under test has just made for itself.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// The longest record of TLS (RFC 8446 §5.2), in bytes.
const LONGEST_RECORD: usize = 5 + 16 * 1024 + 256;

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Link {
    /// The bare socket.
    pub(crate) fn plain(socket: TcpStream) -> Self {
        Self { socket, tls: None }
    }

    /// The socket after a TLS handshake, for which it has to block.
    pub(crate) fn secure(mut socket: TcpStream) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connection = ClientConnection::new(config()?, name);
        let mut connection = connection.map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Self {
            socket,
            tls: Some(Box::new(connection)),
        })
    }

    /// The socket, whatever is on it.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The bare socket back; `None` under TLS.
    pub(crate) fn into_plain(self) -> Option<TcpStream> {
        self.tls.is_none().then_some(self.socket)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Read for Link {
    /// Reads once from the socket and gives all that came of it, so that nothing stays behind where
    /// nobody waits for it. The buffer has to be larger than what one read of a socket brings.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(buffer);
        };
        let mut count = decrypted(tls, buffer)?;
        while count == 0 {
            count = match read_much(&mut self.socket, tls, buffer)? {
                Some(count) => count,
                None => return Ok(0),
            };
        }
        Ok(count)
    }
}

/// Reads once from the socket, more than the TLS library would by itself, and decrypts all that
/// came. Nothing at the end of the stream.
fn read_much(
    socket: &mut TcpStream,
    tls: &mut ClientConnection,
    buffer: &mut [u8],
) -> io::Result<Option<usize>> {
    thread_local! {
        static ENCRYPTED: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
    }
    ENCRYPTED.with_borrow_mut(|encrypted| {
        // With the beginning of a record that came before, it fits when it is decrypted.
        let most = buffer.len().checked_sub(2 * LONGEST_RECORD);
        let most = most.unwrap_or(buffer.len()).min(encrypted.len());
        let space = encrypted.get_mut(..most).unwrap_or_default();
        let length = socket.read(space)?;
        let mut rest: &[u8] = space.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let mut count = 0;
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            tls.process_new_packets().map_err(io::Error::other)?;
            let space = buffer.get_mut(count..).unwrap_or_default();
            count += decrypted(tls, space)?;
        }
        Ok(Some(count))
    })
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.write(bytes);
        };
        let count = tls.writer().write(bytes)?;
        while tls.wants_write() {
            tls.write_tls(&mut self.socket)?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that is decrypted already.
fn decrypted(tls: &mut ClientConnection, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while let Some(space) = buffer.get_mut(count..).filter(|space| !space.is_empty()) {
        match tls.reader().read(space) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn config() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

/// Takes every certificate, but checks that the server has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection, Stream};

    fn server() -> ServerConfig {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap()
    }

    #[test]
    fn what_goes_through_tls_comes_out_whole_however_much_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut socket, _) = listener.accept().unwrap();
                let mut tls = ServerConnection::new(Arc::new(server())).unwrap();
                let mut stream = Stream::new(&mut tls, &mut socket);
                let mut asked = [0; 3];
                stream.read_exact(&mut asked).unwrap();
                assert_eq!(&asked, b"ask");
                stream.write_all(&vec![b'x'; 200_000]).unwrap();
            });
            let mut link = Link::secure(TcpStream::connect(address).unwrap()).unwrap();
            link.write_all(b"ask").unwrap();
            let mut buffer = vec![0; 512 * 1024];
            let mut received = 0;
            while received < 200_000 {
                let count = link.read(&mut buffer).unwrap();
                assert!(count > 0 && buffer[..count].iter().all(|byte| *byte == b'x'));
                received += count;
            }
            assert_eq!(received, 200_000);
            assert!(link.into_plain().is_none());
        });
    }
}
