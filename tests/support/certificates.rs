//! Certificates for a Kea and for those who speak with it, made anew each time.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

/// An authority, with a certificate for a server on the loopback interface and one for a client, all in PEM form.
pub struct Certificates {
    pub ca: String,
    pub server: (String, String),
    pub client: (String, String),
}

impl Certificates {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let signed = |names: &[&str]| {
            let key = KeyPair::generate().unwrap();
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        Self { server: signed(&["127.0.0.1", "kea.test"]), client: signed(&["operator"]), ca }
    }

    /// Writes what a server needs into a folder of its own, and returns how a control agent names it.
    pub fn for_agent(&self, folder: &Path, client_certificate_required: bool) -> Value {
        let [ca, cert, key] = self.write(folder, &self.server);
        json!({
            "trust-anchor": ca, "cert-file": cert, "key-file": key,
            "cert-required": client_certificate_required,
        })
    }

    /// Writes what a client needs into a folder: authority, certificate and key.
    pub fn for_client(&self, folder: &Path) -> [PathBuf; 3] {
        self.write(folder, &self.client)
    }

    fn write(&self, folder: &Path, (cert, key): &(String, String)) -> [PathBuf; 3] {
        fs::create_dir_all(folder).unwrap();
        [("ca.crt", &self.ca), ("tls.crt", cert), ("tls.key", key)].map(|(name, content)| {
            let file = folder.join(name);
            fs::write(&file, content).unwrap();
            file
        })
    }
}
