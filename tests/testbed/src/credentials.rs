//! Files with which `kubectl` and kube act as somebody.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use k8s_openapi::{
    ByteString,
    api::{
        authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec},
        core::v1::{Pod, ServiceAccount},
    },
};
use kube::{Api, Client, api::PostParams};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::authority::{Authority, Identity, write_secret};

/// Longer than any test: an operator in a test does not renew its token.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// An API server and how to know that it is the right one.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Server {
    /// `https://127.0.0.1:<port>`.
    pub url: String,
    /// The certificate of its authority, PEM.
    pub authority: String,
}

/// A kubeconfig for somebody with a client certificate.
pub fn by_certificate(server: &Server, identity: &Identity) -> Value {
    let encoded = |pem: &str| json!(ByteString(pem.as_bytes().to_vec()));
    kubeconfig(
        server,
        &json!({
            "client-certificate-data": encoded(&identity.certificate),
            "client-key-data": encoded(&identity.key),
        }),
    )
}

/// A kubeconfig for somebody with a token.
pub fn by_token(server: &Server, token: &str) -> Value {
    kubeconfig(server, &json!({"token": token}))
}

/// JSON is YAML: every reader of kubeconfigs takes it.
fn kubeconfig(server: &Server, user: &Value) -> Value {
    let authority = json!(ByteString(server.authority.as_bytes().to_vec()));
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bed", "cluster": {"server": server.url, "certificate-authority-data": authority}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "bed", "context": {"cluster": "bed", "user": "user"}}],
        "current-context": "bed",
    })
}

/// The kubeconfig of a person in this directory; made at the first call for this name and these groups.
pub fn person(
    directory: &Path,
    authority: &Authority,
    server: &Server,
    user: &str,
    groups: &[&str],
) -> Result<PathBuf> {
    let path = directory.join(file_name(user, groups));
    if !path.exists() {
        fs::create_dir_all(directory)?;
        write_secret(&path, &by_certificate(server, &authority.person(user, groups)?).to_string())?;
    }
    Ok(path)
}

/// Readable, and different for each combination: `alice-3f2a….kubeconfig`.
fn file_name(user: &str, groups: &[&str]) -> String {
    let readable: String = user.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let digest = Sha256::digest(json!([user, groups]).to_string());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{readable}-{digest}.kubeconfig")
}

/// A ServiceAccount's token, bound to a Pod where one is given.
pub async fn token(client: &Client, namespace: &str, account: &str, pod: Option<&Pod>) -> Result<String> {
    let bound = pod.map(|pod| BoundObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
    });
    let spec =
        TokenRequestSpec { bound_object_ref: bound, expiration_seconds: Some(TOKEN_SECONDS), ..Default::default() };
    let request = TokenRequest { spec: Some(spec), ..Default::default() };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .with_context(|| format!("a token for ServiceAccount {namespace}/{account}"))?;
    answer.status.and_then(|status| status.token).context("a TokenRequest without an answer")
}

/// A Pod that exists and never runs: what a bound token speaks of. It fits the restricted profile.
pub async fn idle_pod(client: &Client, namespace: &str, account: &str) -> Result<Pod> {
    let pod = serde_json::from_value(json!({
        "metadata": {"generateName": format!("{account}-")},
        "spec": {
            "serviceAccountName": account,
            "automountServiceAccountToken": false,
            "schedulingGates": [{"name": "curfew.dev/never-runs"}],
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "idle",
                "image": "registry.k8s.io/pause:3.10",
                "resources": {"limits": {"cpu": "10m", "memory": "16Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    }))?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let what = || format!("a Pod of ServiceAccount {namespace}/{account}");
    pods.create(&PostParams::default(), &pod).await.with_context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_with_similar_names_or_groups_have_files_of_their_own() {
        let names =
            [file_name("a/b", &[]), file_name("a:b", &[]), file_name("a/b", &["x", "y"]), file_name("a/b", &["x,y"])];
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
    }
}
