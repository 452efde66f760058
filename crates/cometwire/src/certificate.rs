//! A certificate and its key in two files: read, checked against each other, and
//! made at the first start if the operator has none. Errors are sentences for
//! the operator and never hold what stands in a file.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

/// Where a certificate and its key are.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// The certificate, and the chain that leads to its issuer.
    pub(crate) certificate: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

impl Files {
    /// The self-signed certificate kept in `data`, made now if there is none.
    ///
    /// # Errors
    /// One sentence about the file that cannot be made.
    pub(crate) fn made_in(data: &Path) -> Result<Self, String> {
        let files = Self {
            certificate: data.join("tls.crt"),
            key: data.join("tls.key"),
        };
        if !files.certificate.exists() {
            files.make()?;
        }
        Ok(files)
    }

    /// The certificate ready to be shown, and its SHA-256.
    ///
    /// # Errors
    /// One sentence: which file is unreadable or holds nothing of use, or that
    /// the two do not belong together.
    pub(crate) fn load(&self) -> Result<(ServerConfig, [u8; 32]), String> {
        let certificate = self.certificate.display();
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(&self.certificate, "certificate", &error))?;
        let first = chain
            .first()
            .ok_or_else(|| format!("{certificate} holds no certificate in PEM form"))?;
        let fingerprint = Sha256::digest(first).into();
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unreadable(&self.key, "private key without a password", &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| self.unusable(&error))?;
        Ok((config, fingerprint))
    }

    fn unusable(&self, error: &rustls::Error) -> String {
        let certificate = self.certificate.display();
        let key = self.key.display();
        match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("the private key in {key} is not that of the certificate in {certificate}")
            }
            error => format!("the certificate in {certificate} with the key in {key}: {error}"),
        }
    }

    /// Makes the certificate of this machine. The key comes first: a start that
    /// ends between the two finds it and goes on from there.
    fn make(&self) -> Result<(), String> {
        let key = match fs::read_to_string(&self.key) {
            Ok(text) => KeyPair::from_pem(&text)
                .map_err(|_| format!("{} holds no private key", self.key.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = KeyPair::generate().map_err(|error| error.to_string())?;
                write(&self.key, &key.serialize_pem(), 0o600)?;
                key
            }
            Err(error) => return Err(format!("cannot read {}: {error}", self.key.display())),
        };
        let certificate = parameters()
            .and_then(|parameters| parameters.self_signed(&key))
            .map_err(|error| format!("cannot make a certificate: {error}"))?;
        write(&self.certificate, &certificate.pem(), 0o644)
    }
}

/// What the certificate says: every name this machine has for itself. It signs
/// nothing but itself, and outlives the machine.
fn parameters() -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec!["localhost".to_owned()];
    let system = rustix::system::uname();
    let hostname = system.nodename().to_string_lossy();
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    if is_name(&hostname) && hostname != "localhost" {
        names.push(hostname.into_owned());
    }
    let mut parameters = CertificateParams::new(names)?;
    parameters.subject_alt_names.extend([
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
    ]);
    let name = &mut parameters.distinguished_name;
    name.push(DnType::CommonName, "CometWire, self-signed");
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2099, 12, 31);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

/// Writes a file that is there whole or not at all.
fn write(file: &Path, text: &str, mode: u32) -> Result<(), String> {
    let unfinished = file.with_extension("new");
    let written = || -> io::Result<()> {
        let _ = fs::remove_file(&unfinished);
        let mut to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&unfinished)?;
        to.write_all(text.as_bytes())?;
        to.sync_all()?;
        fs::rename(&unfinished, file)
    };
    written().map_err(|error| format!("cannot write {}: {error}", file.display()))
}

fn unreadable(file: &Path, what: &str, error: &pem::Error) -> String {
    let file = file.display();
    match error {
        pem::Error::Io(error) => format!("cannot read {file}: {error}"),
        pem::Error::NoItemsFound => format!("{file} holds no {what} in PEM form"),
        // Its own words quote the file, and a key on one line is all in them.
        _ => format!("{file} holds no {what} in whole PEM form"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_for_its_owner_only() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::made_in(data.path()).unwrap();
        let (_, first) = files.load().unwrap();
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (_, again) = Files::made_in(data.path()).unwrap().load().unwrap();
        assert_eq!(first, again);
    }

    #[test]
    fn a_key_without_its_certificate_gets_one() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::made_in(data.path()).unwrap();
        let key = fs::read(&files.key).unwrap();
        fs::remove_file(&files.certificate).unwrap();
        Files::made_in(data.path()).unwrap().load().unwrap();
        assert_eq!(fs::read(&files.key).unwrap(), key);
    }

    #[test]
    fn files_that_are_of_no_use_are_named() {
        let data = tempfile::tempdir().unwrap();
        let good = Files::made_in(data.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        let other = Files::made_in(other.path()).unwrap();
        let broken = data.path().join("broken");
        fs::write(&broken, "s3cret").unwrap();
        let on_one_line = data.path().join("on_one_line");
        let text = "-----BEGIN PRIVATE KEY----- s3cret -----END PRIVATE KEY-----\n";
        fs::write(&on_one_line, text).unwrap();
        let missing = data.path().join("missing");
        let files = |certificate: &Path, key: &Path| Files {
            certificate: certificate.into(),
            key: key.into(),
        };
        for (files, expected) in [
            (files(&good.certificate, &other.key), "is not that of"),
            (files(&missing, &good.key), "cannot read"),
            (files(&good.certificate, &missing), "cannot read"),
            (files(&broken, &good.key), "holds no certificate"),
            (files(&good.certificate, &broken), "holds no private key"),
            (
                files(&good.certificate, &on_one_line),
                "holds no private key",
            ),
            (
                files(&good.certificate, &good.certificate),
                "holds no private key",
            ),
        ] {
            let error = files.load().err().unwrap();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
