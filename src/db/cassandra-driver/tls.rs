// SPDX-License-Identifier: Apache-2.0
//! TLS to the nodes, by OpenSSL as everywhere in the program. The driver has a node's certificate checked for the
//! node's IP address.

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509VerifyResult;
use scylla::client::session::TlsContext;

pub struct Files {
    pub ca: String,
    pub certificate: Option<String>,
    pub key: Option<String>,
    pub verify_host: bool,
}

/// X509_V_ERR_IP_ADDRESS_MISMATCH
const IP_ADDRESS_MISMATCH: i32 = 64;

pub fn context(files: &Files) -> Result<TlsContext, String> {
    let failed = |file: &str, error: ErrorStack| format!("{file}: {error}");
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(|error| error.to_string())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(|error| error.to_string())?;
    // The CA that is named, and no other.
    let store = openssl::x509::store::X509StoreBuilder::new().map_err(|error| error.to_string())?;
    builder.set_cert_store(store.build());
    builder.set_ca_file(&files.ca).map_err(|error| failed(&files.ca, error))?;
    if let Some(certificate) = &files.certificate {
        builder.set_certificate_chain_file(certificate).map_err(|error| failed(certificate, error))?;
        let key = files.key.as_ref().unwrap_or(certificate);
        builder.set_private_key_file(key, SslFiletype::PEM).map_err(|error| failed(key, error))?;
        builder.check_private_key().map_err(|error| failed(key, error))?;
    }
    if files.verify_host {
        builder.set_verify(SslVerifyMode::PEER);
    } else {
        builder.set_verify_callback(SslVerifyMode::PEER, |is_good, store| {
            is_good || store.error() == unsafe { X509VerifyResult::from_raw(IP_ADDRESS_MISMATCH) }
        });
    }
    Ok(TlsContext::from(builder))
}
