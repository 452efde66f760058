//! Reverse proxies the operator trusts: which address the browser behind one
//! has, told by a header of the request or by the PROXY protocol before it. Who
//! is not trusted is believed nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};
use ipnet::IpNet;
use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line of version 1, its end included (the PROXY protocol, 2.1).
const LONGEST_LINE: usize = 107;
/// The shortest header: a line that tells nothing.
const SHORTEST: usize = b"PROXY UNKNOWN\r\n".len();
/// Before its length version 2 has a signature, a command and a family.
const FIXED: usize = 16;
/// The longest header of version 2 that is read, in bytes: addresses and some
/// notes of the proxy.
const LONGEST_BLOCK: usize = 4096;
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Which proxies are trusted, and how they tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Networks of proxies; empty trusts nobody.
    pub networks: Vec<IpNet>,
    /// Which header they set.
    pub header: ForwardingHeader,
    /// Whether they begin every connection with a header of the PROXY protocol,
    /// version 1 or 2.
    pub proxy_protocol: bool,
}

/// The header a proxy tells the address in. Only this one is read: a proxy
/// passes on whatever a browser wrote into the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`, as nearly every proxy sets it.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedProxies {
    /// Whether `address` is a proxy's.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Whether who connects from `address` begins with a header of the PROXY protocol.
    pub(crate) fn announces(&self, address: IpAddr) -> bool {
        self.proxy_protocol && self.trusts(address)
    }

    /// The address of the browser whose request came from `peer`: the last one
    /// in the header that is not a trusted proxy's itself, for whatever stands
    /// before it may be the browser's invention.
    pub(crate) fn browser_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        if !self.trusts(nearest) {
            return nearest;
        }
        let name = match self.header {
            ForwardingHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            ForwardingHeader::Forwarded => FORWARDED,
        };
        // Several lines are one list (RFC 9110, section 5.3).
        let lines = headers.get_all(name);
        let lines: Vec<&str> = lines
            .iter()
            .map(|line| line.to_str().unwrap_or(""))
            .collect();
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let told = match self.header {
                ForwardingHeader::XForwardedFor => node(entry),
                ForwardingHeader::Forwarded => forwarded_for(entry),
            };
            // A hidden or unreadable address: nothing beyond it can be believed.
            let Some(told) = told else {
                return nearest;
            };
            nearest = told.to_canonical();
            if !self.trusts(nearest) {
                return nearest;
            }
        }
        nearest
    }

    /// Reads the header of the PROXY protocol that a trusted `peer` begins its
    /// connection with, and nothing behind it. Gives the address it tells, or
    /// `peer` where it tells none (a proxy's own check of our health).
    ///
    /// # Errors
    /// The connection's, and `InvalidData` when there is no such header.
    pub(crate) async fn read_header<S>(
        &self,
        peer: SocketAddr,
        stream: &mut S,
    ) -> io::Result<SocketAddr>
    where
        S: AsyncRead + Unpin,
    {
        if !self.announces(peer.ip()) {
            return Ok(peer);
        }
        let mut header = vec![0; SHORTEST];
        stream.read_exact(&mut header).await?;
        if header.starts_with(SIGNATURE) {
            read_block(stream, &mut header).await?;
        } else {
            read_line(stream, &mut header).await?;
        }
        let told: Option<(IpAddr, u16)> = match HeaderResult::parse(&header) {
            HeaderResult::V1(Ok(line)) => match line.addresses {
                v1::Addresses::Tcp4(tcp) => Some((tcp.source_address.into(), tcp.source_port)),
                v1::Addresses::Tcp6(tcp) => Some((tcp.source_address.into(), tcp.source_port)),
                v1::Addresses::Unknown => None,
            },
            HeaderResult::V2(Ok(block)) => match (block.command, block.addresses) {
                (v2::Command::Proxy, v2::Addresses::IPv4(ip)) => {
                    Some((ip.source_address.into(), ip.source_port))
                }
                (v2::Command::Proxy, v2::Addresses::IPv6(ip)) => {
                    Some((ip.source_address.into(), ip.source_port))
                }
                _ => None,
            },
            HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => return Err(no_header()),
        };
        Ok(told.map_or(peer, SocketAddr::from))
    }
}

async fn read_line<S: AsyncRead + Unpin>(stream: &mut S, header: &mut Vec<u8>) -> io::Result<()> {
    if !header.starts_with(b"PROXY ") {
        return Err(no_header());
    }
    // Byte by byte, for what follows the line is the browser's.
    while !header.ends_with(b"\r\n") {
        if header.len() >= LONGEST_LINE {
            return Err(no_header());
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

async fn read_block<S: AsyncRead + Unpin>(stream: &mut S, header: &mut Vec<u8>) -> io::Result<()> {
    header.push(stream.read_u8().await?);
    let &[.., high, low] = header.as_slice() else {
        return Err(no_header());
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED + length > LONGEST_BLOCK {
        return Err(no_header());
    }
    header.resize(FIXED + length, 0);
    match header.get_mut(FIXED..) {
        Some(rest) => stream.read_exact(rest).await.map(drop),
        None => Err(no_header()),
    }
}

fn no_header() -> io::Error {
    let text = "a trusted proxy sent no header of the PROXY protocol";
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// The `for` of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element
        .split(';')
        .find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then_some(value)
        })
        .and_then(node)
}

/// An address, with or without a port, quotes and brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ForwardingHeader) -> TrustedProxies {
        TrustedProxies {
            networks: ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]
                .map(|net| net.parse().unwrap())
                .into(),
            header,
            proxy_protocol: true,
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn told(header: ForwardingHeader, peer: &str, lines: &[&str]) -> String {
        let name = match header {
            ForwardingHeader::XForwardedFor => "x-forwarded-for",
            ForwardingHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        proxies(header)
            .browser_address(address(peer), &headers)
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let told = |peer, lines: &[&str]| told(ForwardingHeader::XForwardedFor, peer, lines);
        assert_eq!(told("127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(told("::ffff:127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(told("198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
        assert_eq!(told("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn what_a_browser_invents_stands_before_what_is_believed() {
        let told = |lines: &[&str]| told(ForwardingHeader::XForwardedFor, "127.0.0.1", lines);
        assert_eq!(told(&["1.2.3.4, 203.0.113.7, 10.1.1.1"]), "203.0.113.7");
        assert_eq!(told(&["1.2.3.4", "203.0.113.7", "10.1.1.1"]), "203.0.113.7");
        assert_eq!(told(&["203.0.113.7, nonsense"]), "127.0.0.1");
        assert_eq!(told(&["203.0.113.7, nonsense, 10.1.1.1"]), "10.1.1.1");
        assert_eq!(told(&["10.2.2.2, 10.1.1.1"]), "10.2.2.2");
        assert_eq!(told(&["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(told(&["203.0.113.7:4711"]), "203.0.113.7");
    }

    #[test]
    fn the_standard_header_is_read_by_its_grammar() {
        let told = |lines: &[&str]| told(ForwardingHeader::Forwarded, "10.1.1.1", lines);
        assert_eq!(
            told(&["for=192.0.2.60;proto=http;by=203.0.113.43"]),
            "192.0.2.60"
        );
        assert_eq!(
            told(&["For=\"[2001:db8:cafe::17]:4711\""]),
            "2001:db8:cafe::17"
        );
        assert_eq!(
            told(&["for=1.2.3.4, proto=https; for=192.0.2.43, for=10.9.9.9"]),
            "192.0.2.43"
        );
        for hidden in ["for=unknown", "for=_hidden", "proto=http", ""] {
            assert_eq!(told(&[hidden]), "10.1.1.1", "{hidden:?}");
        }
    }

    /// What is told, and what is left for the browser.
    async fn header(bytes: &[u8]) -> io::Result<(String, Vec<u8>)> {
        let mut stream = bytes;
        let peer = "10.0.0.1:1".parse().unwrap();
        let told = proxies(ForwardingHeader::default())
            .read_header(peer, &mut stream)
            .await?;
        Ok((told.to_string(), stream.to_vec()))
    }

    fn block(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend((rest.len() as u16).to_be_bytes());
        bytes.extend(rest);
        bytes.extend(b"GET /");
        bytes
    }

    #[tokio::test]
    async fn both_versions_of_the_proxy_protocol_are_read_to_the_byte() {
        let line = b"PROXY TCP4 203.0.113.7 10.0.0.2 56324 443\r\nGET /";
        assert_eq!(
            header(line).await.unwrap(),
            ("203.0.113.7:56324".to_owned(), b"GET /".to_vec())
        );
        let line = b"PROXY UNKNOWN\r\nGET /";
        assert_eq!(
            header(line).await.unwrap(),
            ("10.0.0.1:1".to_owned(), b"GET /".to_vec())
        );
        let four = block(0x21, 0x11, &[203, 0, 113, 7, 10, 0, 0, 2, 0xDC, 4, 1, 187]);
        assert_eq!(
            header(&four).await.unwrap(),
            ("203.0.113.7:56324".to_owned(), b"GET /".to_vec())
        );
        let health = block(0x20, 0, &[]);
        assert_eq!(
            header(&health).await.unwrap(),
            ("10.0.0.1:1".to_owned(), b"GET /".to_vec())
        );
    }

    #[tokio::test]
    async fn a_proxy_without_its_header_is_refused_and_others_need_none() {
        let long = format!("PROXY {}\r\n", "x".repeat(200));
        let huge = block(0x21, 0x11, &vec![0; 9000]);
        for wrong in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            long.as_bytes(),
            &huge,
            b"PROXY TCP4 a b c d\r\n",
        ] {
            let error = header(wrong).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        let mut stream = &b"GET /"[..];
        let peer = "198.51.100.1:9".parse().unwrap();
        let trusted = proxies(ForwardingHeader::default());
        assert_eq!(trusted.read_header(peer, &mut stream).await.unwrap(), peer);
        assert_eq!(stream, b"GET /");
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic(line in "\\PC{0,200}", bytes in any::<Vec<u8>>()) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(&line) {
                headers.append("x-forwarded-for", value.clone());
                headers.append("forwarded", value);
            }
            for header in [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded] {
                proxies(header).browser_address(address("10.0.0.1"), &headers);
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(header(&bytes));
            let _ = runtime.block_on(header(&[SIGNATURE, &bytes].concat()));
        }
    }
}
