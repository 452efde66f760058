//! What a client says about itself: the login packet (HandshakeResponse41) and
//! its shorter cousin, COM_CHANGE_USER. Parsing only; whether it is believed is
//! decided in `handshake`.

use super::auth::Plugin;
use super::fields::{Fields, Malformed};
use super::greeting::capability;

/// The first packet of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientHello {
    /// A login in protocol 4.1.
    Login(LoginPacket),
    /// The client wants TLS before it says more; its login comes inside.
    SslRequest,
    /// A login in the protocol before MySQL 4.1, which proves nothing.
    Old,
}

/// A login, or a change of user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoginPacket {
    /// Capability bits the client set; a change of user keeps the login's.
    pub(super) capabilities: u32,
    /// The user name as sent, made readable where it is not UTF-8.
    pub(super) user: String,
    /// The proof, for whichever plugin and salt the client had in mind.
    pub(super) response: Vec<u8>,
    /// The database; an empty name is none.
    pub(super) database: Option<String>,
    /// The plugin the client named.
    pub(super) plugin: NamedPlugin,
    /// The client's name for itself (attribute `_client_name`), for the log.
    pub(super) client_name: Option<String>,
}

/// Which plugin a client named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedPlugin {
    /// None: the client knows the native one only.
    Unnamed,
    /// One this server has.
    Known(Plugin),
    /// Any other.
    Other,
}

impl NamedPlugin {
    /// The plugin to switch this client to.
    pub(super) fn to_switch_to(self) -> Plugin {
        match self {
            Self::Known(plugin) => plugin,
            Self::Unnamed | Self::Other => Plugin::Native,
        }
    }

    fn parse(name: &[u8]) -> Self {
        match name {
            b"" => Self::Unnamed,
            b"mysql_native_password" => Self::Known(Plugin::Native),
            b"caching_sha2_password" => Self::Known(Plugin::CachingSha2),
            _ => Self::Other,
        }
    }
}

impl ClientHello {
    /// Reads a client's first packet.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(payload);
        let low = fields.u16()?;
        if u32::from(low) & capability::PROTOCOL_41 == 0 {
            return Ok(Self::Old);
        }
        let capabilities = u32::from(low) | u32::from(fields.u16()?) << 16;
        let _max_packet = fields.u32()?;
        let _charset = fields.u8()?;
        let _filler = fields.bytes(23)?;
        if fields.is_empty() && capabilities & capability::SSL != 0 {
            return Ok(Self::SslRequest);
        }
        let user = text(fields.until_nul()?);
        let response = if capabilities & capability::PLUGIN_AUTH_LENENC != 0 {
            fields.length_bytes()?
        } else if capabilities & capability::SECURE_CONNECTION != 0 {
            let length = fields.u8()?;
            fields.bytes(length.into())?
        } else {
            fields.until_nul()?
        };
        let mut login = LoginPacket {
            capabilities,
            user,
            response: response.to_vec(),
            database: None,
            plugin: NamedPlugin::Unnamed,
            client_name: None,
        };
        if capabilities & capability::CONNECT_WITH_DB != 0 && !fields.is_empty() {
            login.database = database(fields.until_nul()?);
        }
        login.parse_tail(fields);
        Ok(Self::Login(login))
    }
}

impl LoginPacket {
    /// Reads the body of a COM_CHANGE_USER of a client that logged in with
    /// `capabilities`.
    pub(super) fn parse_change_user(body: &[u8], capabilities: u32) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        let user = text(fields.until_nul()?);
        let length = fields.u8()?;
        let response = fields.bytes(length.into())?.to_vec();
        let database = match fields.until_nul() {
            Ok(name) => database(name),
            // Old clients leave the last NUL away.
            Err(Malformed) => {
                self::database(std::mem::replace(&mut fields, Fields::new(&[])).rest())
            }
        };
        let mut login = Self {
            capabilities,
            user,
            response,
            database,
            plugin: NamedPlugin::Unnamed,
            client_name: None,
        };
        if fields.u16().is_ok() {
            login.parse_tail(fields);
        }
        Ok(login)
    }

    /// The plugin and the attributes. Nothing after them matters, and clients
    /// differ in how they end them, so a cut field is as good as none.
    fn parse_tail(&mut self, mut fields: Fields<'_>) {
        if self.capabilities & capability::PLUGIN_AUTH != 0 && !fields.is_empty() {
            let all = fields.rest();
            let name = fields.until_nul().unwrap_or(all);
            self.plugin = NamedPlugin::parse(name);
        }
        if self.capabilities & capability::CONNECT_ATTRS != 0 {
            self.client_name = fields
                .length_bytes()
                .ok()
                .and_then(|attributes| attribute(attributes, b"_client_name"));
        }
    }
}

fn attribute(attributes: &[u8], wanted: &[u8]) -> Option<String> {
    let mut fields = Fields::new(attributes);
    while !fields.is_empty() {
        let name = fields.length_bytes().ok()?;
        let value = fields.length_bytes().ok()?;
        if name == wanted {
            return Some(text(value).chars().take(CLIENT_NAME_LENGTH).collect());
        }
    }
    None
}

fn database(name: &[u8]) -> Option<String> {
    (!name.is_empty()).then(|| text(name))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Characters of a client's name for itself that are kept.
const CLIENT_NAME_LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(capabilities: u32, tail: &[u8]) -> Vec<u8> {
        let mut payload = capabilities.to_le_bytes().to_vec();
        payload.extend_from_slice(&[0, 0, 0, 1, 33]);
        payload.extend_from_slice(&[0; 23]);
        payload.extend_from_slice(tail);
        payload
    }

    const USUAL: u32 = capability::PROTOCOL_41
        | capability::SECURE_CONNECTION
        | capability::PLUGIN_AUTH
        | capability::CONNECT_WITH_DB
        | capability::CONNECT_ATTRS;

    #[test]
    fn a_login_with_everything_is_read() {
        let tail = b"15\0\x03abcCometQL_v1\0caching_sha2_password\0\x14\x0c_client_name\x06libfoo";
        let hello = ClientHello::parse(&packet(USUAL, tail)).unwrap();
        assert_eq!(
            hello,
            ClientHello::Login(LoginPacket {
                capabilities: USUAL,
                user: "15".into(),
                response: b"abc".to_vec(),
                database: Some("CometQL_v1".into()),
                plugin: NamedPlugin::Known(Plugin::CachingSha2),
                client_name: Some("libfoo".into()),
            })
        );
    }

    #[test]
    fn an_ssl_request_is_recognised() {
        let hello = ClientHello::parse(&packet(USUAL | capability::SSL, b""));
        assert_eq!(hello, Ok(ClientHello::SslRequest));
    }

    #[test]
    fn a_login_before_4_1_is_recognised() {
        let hello = ClientHello::parse(b"\x85\x04\0\0\0haproxy_check\0");
        assert_eq!(hello, Ok(ClientHello::Old));
    }

    #[test]
    fn an_empty_database_is_none() {
        let hello = ClientHello::parse(&packet(USUAL, b"15\0\0\0mysql_native_password\0"));
        let Ok(ClientHello::Login(login)) = hello else {
            panic!("{hello:?}");
        };
        assert_eq!(login.database, None);
        assert_eq!(login.plugin, NamedPlugin::Known(Plugin::Native));
    }

    #[test]
    fn a_response_longer_than_the_packet_is_malformed() {
        let hello = ClientHello::parse(&packet(USUAL, b"15\0\x14abc"));
        assert_eq!(hello, Err(Malformed));
    }

    #[test]
    fn a_change_of_user_is_read() {
        let body = b"7\0\x02xyCometQL_v1\0\x2d\0mysql_native_password\0";
        let login = LoginPacket::parse_change_user(body, USUAL).unwrap();
        assert_eq!(login.user, "7");
        assert_eq!(login.response, b"xy");
        assert_eq!(login.database.as_deref(), Some("CometQL_v1"));
        assert_eq!(login.plugin, NamedPlugin::Known(Plugin::Native));
    }

    #[test]
    fn a_change_of_user_may_end_after_the_database() {
        let login = LoginPacket::parse_change_user(b"7\0\0db_7", USUAL).unwrap();
        assert_eq!(login.database.as_deref(), Some("db_7"));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(payload: Vec<u8>, capabilities: u32) {
            let _ = ClientHello::parse(&payload);
            let _ = ClientHello::parse(&packet(capabilities | capability::PROTOCOL_41, &payload));
            let _ = LoginPacket::parse_change_user(&payload, capabilities);
        }
    }
}
