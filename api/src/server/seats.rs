//! Who may come in: how many connections are open at once, in all and from one network.
//! Knows addresses; must not know what is done on a connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::edge::{Cidr, network};

/// The places at the server.
pub(super) struct Seats {
    taken: Arc<Mutex<Taken>>,
    all: usize,
    /// What one network gets, unless it is a proxy's.
    share: usize,
    proxies: Vec<Cidr>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// One place, given back when it is dropped.
pub(super) struct Seat {
    taken: Arc<Mutex<Taken>>,
    network: IpAddr,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// There is none for anybody.
    Full,
    /// The network has its share.
    Share,
}

impl Seats {
    /// So many, of which one network gets half, so that there always is one left for somebody else. `proxies` speak for many
    /// clients and get as many as there are.
    pub(super) fn new(all: usize, proxies: Vec<Cidr>) -> Self {
        Self { taken: Arc::default(), all, share: all.div_ceil(2), proxies }
    }

    pub(super) fn take(&self, peer: IpAddr) -> Result<Seat, NoSeat> {
        let network = network(peer);
        let mut taken = lock(&self.taken);
        if taken.all >= self.all {
            return Err(NoSeat::Full);
        }
        let own = taken.by.get(&network).copied().unwrap_or(0);
        if own >= self.share && !self.proxies.iter().any(|proxy| proxy.contains(peer)) {
            return Err(NoSeat::Share);
        }
        taken.all += 1;
        taken.by.insert(network, own + 1);
        drop(taken);
        Ok(Seat { taken: Arc::clone(&self.taken), network })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all -= 1;
        if let Some(own) = taken.by.get_mut(&self.network) {
            *own -= 1;
            if *own == 0 {
                taken.by.remove(&self.network);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(seats: &Seats, address: &str) -> Result<Seat, NoSeat> {
        seats.take(address.parse().unwrap())
    }

    #[test]
    fn one_network_gets_half_of_the_seats_and_the_others_have_the_rest() {
        let seats = Seats::new(4, Vec::new());
        let greedy = [from(&seats, "198.51.100.7"), from(&seats, "::ffff:198.51.100.7")];
        assert!(greedy.iter().all(Result::is_ok));
        assert_eq!(from(&seats, "198.51.100.7").err(), Some(NoSeat::Share));
        let others = [from(&seats, "198.51.100.8"), from(&seats, "2001:db8::1")];
        assert!(others.iter().all(Result::is_ok));
        assert_eq!(from(&seats, "203.0.113.1").err(), Some(NoSeat::Full));
        drop(greedy);
        assert!(from(&seats, "198.51.100.7").is_ok(), "a seat that was given back is there for him too");
    }

    #[test]
    fn all_addresses_of_a_customer_of_ipv6_share() {
        let seats = Seats::new(2, Vec::new());
        let _first = from(&seats, "2001:db8:1:2::1").unwrap();
        assert_eq!(from(&seats, "2001:db8:1:2:3::4").err(), Some(NoSeat::Share));
        assert!(from(&seats, "2001:db8:1:3::1").is_ok());
    }

    #[test]
    fn a_proxy_that_is_trusted_speaks_for_many_and_gets_all() {
        let seats = Seats::new(4, vec!["10.0.0.0/8".parse().unwrap()]);
        let taken: Vec<_> = (0..4).map(|_| from(&seats, "10.0.0.1")).collect();
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(from(&seats, "10.0.0.1").err(), Some(NoSeat::Full));
    }

    #[test]
    fn the_only_seat_is_for_everybody_and_nothing_is_kept_of_who_left() {
        let seats = Seats::new(1, Vec::new());
        drop(from(&seats, "198.51.100.7").unwrap());
        assert!(from(&seats, "198.51.100.8").is_ok());
        let taken = lock(&seats.taken);
        assert!(taken.all == 0 && taken.by.is_empty());
    }
}
