//! The command lines of the control plane's processes.

use std::{io, path::Path};

use serde_json::{Value, json};

use crate::ports;

/// Where the processes listen, all on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// For the API server.
    pub etcd: u16,
    /// For other members of etcd, of which there are none.
    pub etcd_peer: u16,
    /// For everybody.
    pub api_server: u16,
    /// For the readiness probe.
    pub controller_manager: u16,
}

impl Ports {
    /// Four on which nothing listens.
    pub fn free() -> io::Result<Self> {
        let [etcd, etcd_peer, api_server, controller_manager] = ports::free()?;
        Ok(Self { etcd, etcd_peer, api_server, controller_manager })
    }
}

/// The controllers that Curfew depends on, and those without which namespaces, ServiceAccounts and built-in roles do not
/// work. There are no nodes, so nothing that schedules or scales.
pub const CONTROLLERS: [&str; 9] = [
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
];

/// All of them are Go programs: with its default, a fifth of the API server's processor time goes into collecting garbage.
pub const ENVIRONMENT: &[(&str, &str)] = &[("GOGC", "400"), ("GOMEMLIMIT", "2GiB")];

/// The data lives as long as one run, so nothing is lost by not waiting for the disk.
pub fn etcd(directory: &Path, ports: &Ports) -> Vec<String> {
    let (client, peer) = (http(ports.etcd), http(ports.etcd_peer));
    flags(&[
        ("data-dir", &at(directory, "etcd")),
        ("listen-client-urls", &client),
        ("advertise-client-urls", &client),
        ("listen-peer-urls", &peer),
        ("initial-advertise-peer-urls", &peer),
        ("initial-cluster", &format!("default={peer}")),
        ("unsafe-no-fsync", "true"),
        ("log-level", "warn"),
    ])
}

/// RBAC, certificates for people, tokens for ServiceAccounts, and an audit log that is never rotated away.
pub fn api_server(directory: &Path, ports: &Ports) -> Vec<String> {
    flags(&[
        ("etcd-servers", &http(ports.etcd)),
        ("bind-address", "127.0.0.1"),
        ("advertise-address", "127.0.0.1"),
        ("secure-port", &ports.api_server.to_string()),
        ("tls-cert-file", &at(directory, "pki/server.crt")),
        ("tls-private-key-file", &at(directory, "pki/server.key")),
        ("client-ca-file", &at(directory, "pki/ca.crt")),
        ("authorization-mode", "RBAC"),
        ("anonymous-auth", "false"),
        ("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
        ("service-account-key-file", &at(directory, "pki/tokens.pub")),
        ("service-account-signing-key-file", &at(directory, "pki/tokens.key")),
        ("service-cluster-ip-range", "10.0.0.0/24"),
        ("endpoint-reconciler-type", "none"),
        ("audit-policy-file", &at(directory, "audit-policy.json")),
        ("audit-log-path", &at(directory, "audit.log")),
        ("audit-log-format", "json"),
        ("audit-log-maxsize", "100000"),
    ])
}

/// Requests per second are left at their default: it is what a fuse waits for on a real cluster too.
pub fn controller_manager(directory: &Path, ports: &Ports) -> Vec<String> {
    let kubeconfig = at(directory, "controller-manager.kubeconfig");
    flags(&[
        ("kubeconfig", &kubeconfig),
        ("authentication-kubeconfig", &kubeconfig),
        ("authorization-kubeconfig", &kubeconfig),
        ("bind-address", "127.0.0.1"),
        ("secure-port", &ports.controller_manager.to_string()),
        ("tls-cert-file", &at(directory, "pki/server.crt")),
        ("tls-private-key-file", &at(directory, "pki/server.key")),
        ("root-ca-file", &at(directory, "pki/ca.crt")),
        ("service-account-private-key-file", &at(directory, "pki/tokens.key")),
        ("use-service-account-credentials", "true"),
        ("leader-elect", "false"),
        ("controllers", &CONTROLLERS.join(",")),
    ])
}

/// Who did what, once per request, when it is answered.
pub fn audit_policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    })
}

fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn http(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn at(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}
