//! Who is offered TLS, with which certificate, and reading the files again on
//! SIGHUP. What stands in the files, and making them, is `certificate`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use cometql::wire::{Identity, Tls};
use rustls::ServerConfig;
use serde::Deserialize;
use tokio::sync::watch;
use ws_gateway::BrowserTls;

use crate::certificate::Files;

/// The settings of TLS.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(default)]
pub(crate) struct TlsSettings {
    /// The certificate to show, PEM, with what leads to its issuer after it
    /// [default: DIR/tls.crt, made at the first start].
    #[arg(
        long,
        value_name = "FILE",
        env = "COMETWIRE_TLS_CERT",
        help_heading = "TLS"
    )]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key, PEM, without a password
    /// [default: DIR/tls.key, made at the first start].
    #[arg(
        long,
        value_name = "FILE",
        env = "COMETWIRE_TLS_KEY",
        help_heading = "TLS"
    )]
    tls_key: Option<PathBuf>,

    /// TLS for MySQL clients: offered, off, or required [default: offered].
    #[arg(
        long,
        value_name = "WHEN",
        env = "COMETWIRE_COMETQL_TLS",
        help_heading = "TLS"
    )]
    cometql_tls: Option<When>,

    /// TLS for browsers: offered, off, or required [default: off].
    #[arg(
        long,
        value_name = "WHEN",
        env = "COMETWIRE_HTTP_TLS",
        help_heading = "TLS"
    )]
    http_tls: Option<When>,
}

/// Whether a port speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum When {
    /// Clients may use it.
    Offered,
    /// There is none.
    Off,
    /// Who comes without it is refused.
    Required,
}

impl TlsSettings {
    /// These settings, and `file`'s where these say nothing. A certificate and
    /// its key belong together.
    pub(crate) fn over(self, file: Self) -> Self {
        let given = self.tls_cert.is_some() || self.tls_key.is_some();
        let (tls_cert, tls_key) = match given {
            true => (self.tls_cert, self.tls_key),
            false => (file.tls_cert, file.tls_key),
        };
        Self {
            tls_cert,
            tls_key,
            cometql_tls: self.cometql_tls.or(file.cometql_tls),
            http_tls: self.http_tls.or(file.http_tls),
        }
    }

    fn files(&self, data: &Path) -> Result<Files, String> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Ok(Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            (None, None) => Files::made_in(data),
            (Some(_), None) => Err("--tls-cert needs --tls-key beside it".to_owned()),
            (None, Some(_)) => Err("--tls-key needs --tls-cert beside it".to_owned()),
        }
    }
}

/// The certificates in use.
pub(crate) struct Certificates {
    /// Nothing when no port has TLS.
    shown: Option<Shown>,
    backends: When,
    browsers: When,
}

struct Shown {
    files: Files,
    for_backends: watch::Sender<Arc<Identity>>,
    for_browsers: watch::Sender<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads the files, or makes them in `data` if the operator gave none.
    ///
    /// # Errors
    /// One sentence about the file.
    pub(crate) fn find(settings: &TlsSettings, data: &Path) -> Result<Self, String> {
        let backends = settings.cometql_tls.unwrap_or(When::Offered);
        // A certificate that no browser knows is no good to offer unasked.
        let browsers = settings.http_tls.unwrap_or(When::Off);
        let shown = match (backends, browsers) {
            (When::Off, When::Off) => None,
            _ => {
                let files = settings.files(data)?;
                let (identity, config) = load(&files)?;
                Some(Shown {
                    files,
                    for_backends: watch::Sender::new(identity),
                    for_browsers: watch::Sender::new(config),
                })
            }
        };
        Ok(Self {
            shown,
            backends,
            browsers,
        })
    }

    /// What the backend door offers, if anything.
    pub(crate) fn for_backends(&self) -> Option<Tls> {
        let shown = self.shown.as_ref().filter(|_| self.backends != When::Off)?;
        Some(Tls {
            identity: shown.for_backends.subscribe(),
            required: self.backends == When::Required,
        })
    }

    /// What the browser door offers, if anything.
    pub(crate) fn for_browsers(&self) -> Option<BrowserTls> {
        let shown = self.shown.as_ref().filter(|_| self.browsers != When::Off)?;
        Some(BrowserTls {
            config: shown.for_browsers.subscribe(),
            required: self.browsers == When::Required,
        })
    }

    /// What the system variables say of it. Tenants see them, so files are named
    /// without the directories they are in.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let Some(shown) = self.shown.as_ref().filter(|_| self.backends != When::Off) else {
            return Vec::new();
        };
        let required = self.backends == When::Required;
        let certificate = name_of(&shown.files.certificate);
        let key = name_of(&shown.files.key);
        [
            ("have_ssl", "YES"),
            ("have_openssl", "YES"),
            ("ssl_cert", &certificate),
            ("ssl_key", &key),
            ("tls_version", "TLSv1.2,TLSv1.3"),
            ("require_secure_transport", if required { "1" } else { "0" }),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Reads the files again. Connections that begin from now on get what they
    /// hold; if that is no certificate, the old one stays.
    pub(crate) fn reload(&self) {
        let Some(shown) = &self.shown else {
            return tracing::info!("no_certificates_to_reload");
        };
        match load(&shown.files) {
            Ok((identity, config)) => {
                shown.for_backends.send_replace(identity);
                shown.for_browsers.send_replace(config);
                tracing::info!(file = %shown.files.certificate.display(), "certificate_reloaded");
            }
            Err(error) => tracing::error!(%error, "certificate_not_reloaded"),
        }
    }
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What the files hold, for backends and for browsers.
fn load(files: &Files) -> Result<(Arc<Identity>, Arc<ServerConfig>), String> {
    let (config, fingerprint) = files.load()?;
    let mut for_browsers = config.clone();
    for_browsers.alpn_protocols = vec![b"http/1.1".to_vec()];
    let identity = Identity {
        config: Arc::new(config),
        fingerprint,
    };
    Ok((Arc::new(identity), Arc::new(for_browsers)))
}
