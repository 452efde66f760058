//! The browser door's bounds as settings, and the proxies it trusts. Who may
//! connect at all is with the other settings.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::Deserialize;
use ws_gateway::{ForwardingHeader, GatewayConfig, TrustedProxies};

use crate::limits::set;

/// Bounds of the browser door; what is not set keeps its default.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(default)]
pub(crate) struct BrowserBounds {
    /// A reverse proxy that is believed about browsers' addresses, ADDR or ADDR/BITS;
    /// repeatable [default: none].
    #[arg(
        long,
        value_name = "NETWORK",
        env = "COMETWIRE_TRUSTED_PROXY",
        value_delimiter = ',',
        help_heading = "Reverse proxies"
    )]
    trusted_proxy: Vec<Network>,

    /// The header trusted proxies tell addresses in [default: x-forwarded-for].
    #[arg(
        long,
        value_name = "HEADER",
        env = "COMETWIRE_FORWARDED_HEADER",
        help_heading = "Reverse proxies"
    )]
    forwarded_header: Option<Header>,

    /// Trusted proxies begin each connection with a header of the PROXY protocol.
    #[arg(
        long,
        env = "COMETWIRE_PROXY_PROTOCOL",
        num_args = 0..=1,
        default_missing_value = "true",
        require_equals = true,
        value_name = "WHETHER",
        help_heading = "Reverse proxies"
    )]
    proxy_protocol: Option<bool>,

    /// Browser sockets open at once [default: 100000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_BROWSERS",
        help_heading = "Bounds"
    )]
    pub(crate) max_browsers: Option<usize>,

    /// Connections of browsers from one address, of IPv6 one /64; 0 for any number [default: 0].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_ADDRESS_CONNECTIONS",
        help_heading = "Bounds"
    )]
    max_address_connections: Option<usize>,

    /// Messages a second of one browser, twice as many at once; 0 for any number [default: 1000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_MESSAGES_PER_SECOND",
        help_heading = "Bounds"
    )]
    max_messages_per_second: Option<u32>,

    /// Seconds a request's head, or a handshake, may take [default: 10].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_HANDSHAKE_SECONDS",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Bounds"
    )]
    handshake_seconds: Option<u32>,

    /// Bytes of a request's head, at least 8192 [default: 16384].
    #[arg(
        long,
        value_name = "BYTES",
        env = "COMETWIRE_MAX_REQUEST_BYTES",
        help_heading = "Bounds"
    )]
    max_request_bytes: Option<usize>,

    /// Bytes of one message of a browser [default: 1048576].
    #[arg(
        long,
        value_name = "BYTES",
        env = "COMETWIRE_MAX_MESSAGE_BYTES",
        help_heading = "Bounds"
    )]
    max_message_bytes: Option<usize>,

    /// Bytes that may wait for one browser before it counts as too slow [default: 2097152].
    #[arg(
        long,
        value_name = "BYTES",
        env = "COMETWIRE_MAX_QUEUED_BYTES",
        help_heading = "Bounds"
    )]
    max_queued_bytes: Option<usize>,

    /// Bytes of messages one shard may have waiting before publishers wait [default: 16777216].
    #[arg(
        long,
        value_name = "BYTES",
        env = "COMETWIRE_MAX_BACKLOG_BYTES",
        help_heading = "Bounds"
    )]
    max_backlog_bytes: Option<usize>,

    /// Seconds a browser may be quiet before it is pinged [default: 25].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_KEEP_ALIVE_SECONDS",
        help_heading = "Bounds"
    )]
    keep_alive_seconds: Option<u64>,
}

/// The addresses of proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |address: IpAddr| Self(address.into());
        let several = || text.parse().map(Self);
        text.parse()
            .map(one)
            .or_else(|_| several())
            .map_err(|_| format!("{text} is no address and no network such as 10.0.0.0/8"))
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Where trusted proxies tell addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Header {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded`.
    Forwarded,
}

impl BrowserBounds {
    /// These bounds, and `file`'s where these say nothing.
    pub(crate) fn over(self, file: Self) -> Self {
        Self {
            trusted_proxy: match self.trusted_proxy.is_empty() {
                true => file.trusted_proxy,
                false => self.trusted_proxy,
            },
            forwarded_header: self.forwarded_header.or(file.forwarded_header),
            proxy_protocol: self.proxy_protocol.or(file.proxy_protocol),
            max_browsers: self.max_browsers.or(file.max_browsers),
            max_address_connections: self
                .max_address_connections
                .or(file.max_address_connections),
            max_messages_per_second: self
                .max_messages_per_second
                .or(file.max_messages_per_second),
            handshake_seconds: self.handshake_seconds.or(file.handshake_seconds),
            max_request_bytes: self.max_request_bytes.or(file.max_request_bytes),
            max_message_bytes: self.max_message_bytes.or(file.max_message_bytes),
            max_queued_bytes: self.max_queued_bytes.or(file.max_queued_bytes),
            max_backlog_bytes: self.max_backlog_bytes.or(file.max_backlog_bytes),
            keep_alive_seconds: self.keep_alive_seconds.or(file.keep_alive_seconds),
        }
    }

    /// What stands in the way of these together, if anything.
    ///
    /// # Errors
    /// One sentence that names the flags.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.proxy_protocol == Some(true) && self.trusted_proxy.is_empty() {
            let text =
                "--proxy-protocol needs --trusted-proxy beside it: from others no header is read";
            return Err(text.to_owned());
        }
        Ok(())
    }

    /// Puts all this into the door's settings.
    pub(crate) fn bound(&self, config: &mut GatewayConfig) {
        config.proxies = TrustedProxies {
            networks: self.trusted_proxy.iter().map(|network| network.0).collect(),
            header: match self.forwarded_header {
                Some(Header::Forwarded) => ForwardingHeader::Forwarded,
                Some(Header::XForwardedFor) | None => ForwardingHeader::XForwardedFor,
            },
            proxy_protocol: self.proxy_protocol.unwrap_or(false),
        };
        let limits = &mut config.limits;
        set(&mut limits.connections, self.max_browsers);
        set(
            &mut limits.connections_per_address,
            self.max_address_connections,
        );
        set(
            &mut limits.messages_per_second,
            self.max_messages_per_second,
        );
        let handshake = self
            .handshake_seconds
            .map(|seconds| u64::from(seconds.max(1)));
        set(
            &mut limits.handshake_time,
            handshake.map(Duration::from_secs),
        );
        set(&mut limits.request_bytes, self.max_request_bytes);
        set(&mut limits.message_bytes, self.max_message_bytes);
        set(&mut limits.queued_bytes, self.max_queued_bytes);
        set(&mut limits.shard_backlog_bytes, self.max_backlog_bytes);
        let keep_alive = self.keep_alive_seconds.map(Duration::from_secs);
        set(&mut limits.keep_alive, keep_alive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        for (text, holds) in [
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.0/8", "10.9.9.9"),
            ("fd00::/8", "fd12::1"),
        ] {
            let network: Network = text.parse().unwrap();
            assert!(
                network.0.contains(&holds.parse::<IpAddr>().unwrap()),
                "{text}"
            );
        }
        for wrong in ["", "proxy.example", "10.0.0.0/33", "10.0.0.1:80"] {
            let error = wrong.parse::<Network>().unwrap_err();
            assert!(error.contains("is no address"), "{error}");
        }
    }

    #[test]
    fn the_proxy_protocol_is_read_from_nobody_unknown() {
        let bounds = BrowserBounds {
            proxy_protocol: Some(true),
            ..BrowserBounds::default()
        };
        assert!(bounds.check().unwrap_err().contains("--trusted-proxy"));
    }
}
