//! Free ports on the loopback interface.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, Hasher},
    io,
    net::{Ipv4Addr, TcpListener},
};

/// Below the range from which Linux takes the local ports of outgoing connections (32768 and up): a port chosen
/// there can be taken by any client between the choice and the start of the server, or while the server restarts.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// `N` different ports on which nothing listens.
///
/// Another process may still take one before its user does: a server that finds its port taken is started anew.
pub fn free<const N: usize>() -> io::Result<[u16; N]> {
    let mut found = BTreeSet::new();
    for _ in 0..10_000 {
        if found.len() == N {
            break;
        }
        let span = u64::from(RANGE.end - RANGE.start);
        let port = RANGE.start + u16::try_from(random() % span).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            found.insert(port);
        }
    }
    let found: Vec<u16> = found.into_iter().collect();
    found.try_into().map_err(|_| io::Error::new(io::ErrorKind::AddrInUse, "no free ports on 127.0.0.1"))
}

/// A random number, good enough to keep processes apart.
pub fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_can_be_listened_on() {
        let ports = free::<4>().unwrap();
        let listeners: Vec<_> = ports.iter().map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port))).collect();
        assert!(listeners.iter().all(Result::is_ok), "{listeners:?}");
    }
}
