//! A certificate authority for one control plane: who people are, and that the API server is the right one.

use std::{
    fs,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use p256::{
    SecretKey,
    ecdsa::{DerSignature, SigningKey},
    elliptic_curve::Generate,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding},
};
use x509_cert::{
    TbsCertificate,
    attr::AttributeTypeAndValue,
    builder::{self, Builder, CertificateBuilder, profile::BuilderProfile},
    der::{
        Any, Decode, Encode, EncodePem,
        asn1::{Ia5String, Utf8StringRef},
        oid::{ObjectIdentifier, db::rfc4519, db::rfc5280},
    },
    ext::{
        Extension, ToExtension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
            SubjectKeyIdentifier, name::GeneralName,
        },
    },
    name::{Name, RdnSequence, RelativeDistinguishedName},
    serial_number::SerialNumber,
    spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef},
    time::Validity,
};

const CA_NAME: &str = "curfew-testbed";
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A private key and what certifies it, both as PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

/// The authority that signs the certificates of people and of the API server.
pub struct Authority {
    key: SigningKey,
    certificate: String,
}

impl Authority {
    /// Makes a new one.
    pub fn create() -> Result<Self> {
        let key = SigningKey::from(SecretKey::generate());
        let certificate = issue(&key, &key, &Profile { subject: name(CA_NAME, &[])?, kind: Kind::Authority })?;
        Ok(Self { key, certificate })
    }

    /// Reads the one that [`Authority::store`] wrote.
    pub fn load(directory: &Path) -> Result<Self> {
        let read =
            |file| fs::read_to_string(directory.join(file)).with_context(|| directory.join(file).display().to_string());
        let key = SecretKey::from_pkcs8_pem(&read("ca.key")?).map_err(|e| anyhow!("ca.key: {e}"))?;
        Ok(Self { key: SigningKey::from(key), certificate: read("ca.crt")? })
    }

    /// Writes `ca.crt` and `ca.key` (readable by its owner only).
    pub fn store(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("ca.crt"), &self.certificate)?;
        write_secret(&directory.join("ca.key"), &key_pem(&self.key)?)
    }

    /// The authority's own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A person: the API server reads the user name from the common name and the groups from the organisations.
    pub fn person(&self, user: &str, groups: &[&str]) -> Result<Identity> {
        self.identity(Profile { subject: name(user, groups)?, kind: Kind::Person })
    }

    /// A server on the loopback interface, also under the names that Kubernetes gives the API server.
    pub fn server(&self) -> Result<Identity> {
        self.identity(Profile { subject: name("kube-apiserver", &[])?, kind: Kind::Server })
    }

    fn identity(&self, profile: Profile) -> Result<Identity> {
        let key = SigningKey::from(SecretKey::generate());
        Ok(Identity { certificate: issue(&key, &self.key, &profile)?, key: key_pem(&key)? })
    }
}

/// A key pair for ServiceAccount tokens: private and public half, PEM.
pub fn token_keys() -> Result<(String, String)> {
    let key = SigningKey::from(SecretKey::generate());
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|e| anyhow!("{e}"))?;
    Ok((key_pem(&key)?, public))
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{:016x}", std::process::id(), crate::ports::random()));
    let draft = path.with_file_name(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&draft, path).with_context(|| path.display().to_string())
}

fn key_pem(key: &SigningKey) -> Result<String> {
    let pem = SecretKey::from(key.as_nonzero_scalar()).to_pkcs8_pem(LineEnding::LF).map_err(|e| anyhow!("{e}"))?;
    Ok(pem.to_string())
}

/// The name is built by its parts, not parsed from text: user names and groups may hold any character.
fn name(common_name: &str, organisations: &[&str]) -> Result<Name> {
    let mut parts = RdnSequence::default();
    let groups = organisations.iter().map(|group| (rfc4519::ORGANIZATION_NAME, *group));
    for (oid, text) in groups.chain([(rfc4519::COMMON_NAME, common_name)]) {
        let value = Any::encode_from(&Utf8StringRef::new(text)?)?;
        parts.push(RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])?);
    }
    Ok(Name::from_der(&parts.to_der()?)?)
}

fn issue(key: &SigningKey, issuer: &SigningKey, profile: &Profile) -> Result<String> {
    let public = SubjectPublicKeyInfo::from_key(key.verifying_key()).map_err(|e| anyhow!("{e}"))?;
    let serial = SerialNumber::from(crate::ports::random() >> 1);
    let certificate = CertificateBuilder::new(profile, serial, Validity::from_now(LIFETIME)?, public)
        .and_then(|builder| builder.build::<_, DerSignature>(issuer))
        .map_err(|e| anyhow!("signing a certificate: {e}"))?;
    Ok(certificate.to_pem(LineEnding::LF)?)
}

#[derive(PartialEq)]
enum Kind {
    Authority,
    Person,
    Server,
}

/// The profiles that come with x509-cert follow the rules for public web sites, which refuse names such as `alice`.
struct Profile {
    subject: Name,
    kind: Kind,
}

impl BuilderProfile for &Profile {
    fn get_issuer(&self, subject: &Name) -> Name {
        if self.kind == Kind::Authority { subject.clone() } else { name(CA_NAME, &[]).unwrap_or_default() }
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        certificate: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let mut made = Vec::new();
        let subject = certificate.subject();
        let ca = self.kind == Kind::Authority;
        let usage = if ca { KeyUsages::KeyCertSign | KeyUsages::CRLSign } else { KeyUsages::DigitalSignature.into() };
        let issuer = SubjectKeyIdentifier::try_from(issuer_key)?.0;
        made.push(SubjectKeyIdentifier::try_from(key)?.to_extension(subject, &made)?);
        made.push(
            AuthorityKeyIdentifier { key_identifier: Some(issuer), ..Default::default() }
                .to_extension(subject, &made)?,
        );
        made.push(BasicConstraints { ca, path_len_constraint: None }.to_extension(subject, &made)?);
        made.push(KeyUsage(usage).to_extension(subject, &made)?);
        if let Some(purpose) = self.purpose() {
            made.push(ExtendedKeyUsage(vec![purpose]).to_extension(subject, &made)?);
        }
        if self.kind == Kind::Server {
            made.push(SubjectAltName(server_names()?).to_extension(subject, &made)?);
        }
        Ok(made)
    }
}

impl Profile {
    fn purpose(&self) -> Option<ObjectIdentifier> {
        match self.kind {
            Kind::Authority => None,
            Kind::Person => Some(rfc5280::ID_KP_CLIENT_AUTH),
            Kind::Server => Some(rfc5280::ID_KP_SERVER_AUTH),
        }
    }
}

fn server_names() -> builder::Result<Vec<GeneralName>> {
    let mut names = vec![GeneralName::from(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    for name in ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
        names.push(GeneralName::DnsName(Ia5String::new(name)?));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use x509_cert::{Certificate, der::DecodePem};

    use super::*;

    #[test]
    fn a_person_carries_every_group_however_it_is_spelt() {
        let person =
            Authority::create().unwrap().person("eve, the \"boss\"", &["a=b", "c,d", "system:masters"]).unwrap();
        let certificate = Certificate::from_pem(person.certificate).unwrap();
        let parts: Vec<String> = certificate
            .tbs_certificate()
            .subject()
            .iter()
            .map(|part| part.value.decode_as::<Utf8StringRef<'_>>().unwrap().as_str().to_owned())
            .collect();
        assert_eq!(parts, ["a=b", "c,d", "system:masters", "eve, the \"boss\""]);
    }

    #[test]
    fn the_stored_key_of_the_authority_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        Authority::create().unwrap().store(directory.path()).unwrap();
        let mode = fs::metadata(directory.path().join("ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let loaded = Authority::load(directory.path()).unwrap();
        assert!(loaded.person("alice", &[]).is_ok());
    }
}
