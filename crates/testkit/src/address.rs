//! Addresses that no other test uses.
//!
//! Tests run side by side, and a port that was free a moment ago may be somebody's when it is wanted. So every user gets
//! a loopback address of its own, kept by a socket that listens on it, and ports below the range that the kernel hands
//! out.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    process,
};

use anyhow::{Result, bail};

/// Whoever listens on this port of a loopback address owns the address.
const PORT_OF_OWNER: u16 = 7000;
/// How many addresses are tried.
const TRIES: u32 = 4096;

/// Hands out addresses, each once.
#[derive(Debug)]
pub struct Addresses {
    ip: IpAddr,
    next: u16,
    _owner: TcpListener,
}

impl Addresses {
    /// A loopback address that nobody else has until this is dropped.
    ///
    /// # Errors
    /// If the machine has none to give.
    pub fn new() -> Result<Addresses> {
        // Processes that run side by side have ids close to each other: keep them apart from the beginning.
        let seed = process::id().wrapping_mul(64);
        for attempt in 0..TRIES {
            let [_, a, b, c] = seed.wrapping_add(attempt).to_be_bytes();
            let ip = IpAddr::V4(Ipv4Addr::new(127, a | 128, b, c));
            if let Ok(owner) = TcpListener::bind((ip, PORT_OF_OWNER)) {
                return Ok(Addresses { ip, next: PORT_OF_OWNER + 1, _owner: owner });
            }
        }
        bail!("no loopback address can be listened on");
    }

    /// The loopback address.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// An address with a port that was not handed out before.
    pub fn take(&mut self) -> SocketAddr {
        let port = self.next;
        self.next += 1;
        SocketAddr::new(self.ip, port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_users_share_an_address() {
        let mut one = Addresses::new().expect("loopback");
        let two = Addresses::new().expect("loopback");
        assert_ne!(one.ip(), two.ip());
        assert_ne!(one.take(), one.take());
        TcpListener::bind(one.take()).expect("free");
    }
}
