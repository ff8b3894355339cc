//! What HTTP tells besides answers: the server's clock, and until when certificates are valid.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::DATE;
use reqwest::tls::TlsInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::parse_x509_certificate;

use super::super::Endpoint;
use super::HttpSettings;
use super::http::builder;
use super::material::{Material, Piece};

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Glance {
    /// How many seconds the server's clock is ahead of ours.
    pub ahead: Option<i64>,
    /// What each certificate is, and when it ends.
    pub certificates: Vec<(String, Timestamp)>,
}

/// Looks at a server. What cannot be seen is left out: that a server does not answer is told elsewhere.
pub async fn glance(endpoint: &Endpoint, settings: &HttpSettings, limit: Duration) -> Glance {
    let mut seen = Glance::default();
    let (Endpoint::Http(url), Ok(material)) = (endpoint, Material::read(settings)) else { return seen };
    if endpoint.is_tls() {
        let pieces = [&material.cert, &material.ca];
        seen.certificates.extend(pieces.into_iter().flatten().flat_map(ends));
    }
    let client = settings.tls.apply(builder(settings).tls_info(true).timeout(limit), url, &material);
    let Some((client, url)) = client.ok().and_then(|(builder, url)| Some((builder.build().ok()?, url)))
    else {
        return seen;
    };
    // It is no command: any answer will do, also one that refuses.
    let Ok(response) = client.get(url).send().await else { return seen };
    let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
    let clock = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    seen.ahead = clock.map(|clock| clock.as_second() - Timestamp::now().as_second());
    let info = response.extensions().get::<TlsInfo>();
    let ends = info.and_then(|info| end(info.peer_certificate()?));
    seen.certificates.extend(ends.map(|at| ("the certificate of Kea".to_owned(), at)));
    seen
}

fn ends(piece: &Piece) -> Vec<(String, Timestamp)> {
    let found = CertificateDer::pem_slice_iter(piece.bytes()).flatten();
    found.filter_map(|certificate| Some((piece.origin.clone(), end(&certificate)?))).collect()
}

fn end(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["kea".into()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let certificate = parameters.self_signed(&key).unwrap();
        assert_eq!(end(certificate.der()).unwrap().to_string(), "2031-02-03T00:00:00Z");
        assert_eq!(end(b"no certificate"), None);
    }
}
