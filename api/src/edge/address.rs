//! Which address a request comes from, and which addresses count as one client.
//! Knows `X-Forwarded-For` and networks; must not know what is done with an address.

use std::net::{AddrParseError, IpAddr, Ipv6Addr, SocketAddr};
use std::num::ParseIntError;
use std::str::FromStr;

use axum::http::HeaderMap;

/// The client's address as the edge made it out, among the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// A network such as `10.0.0.0/8` or `fd00::/8`; a lone address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: u128,
    mask: u128,
    v4: bool,
}

/// Why a text is no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    #[error("`{text}` does not start with an IP address")]
    Address {
        text: String,
        #[source]
        source: AddrParseError,
    },
    #[error("`{text}` does not end in a prefix length")]
    Length {
        text: String,
        #[source]
        source: ParseIntError,
    },
    #[error("the prefix of `{0}` is longer than its address")]
    TooLong(String),
    #[error("`{0}` has bits set beyond its prefix")]
    HostBits(String),
}

impl Cidr {
    /// Whether `address` is in this network. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, v4) = bits(address.to_canonical());
        v4 == self.v4 && bits & self.mask == self.network
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr =
            address.parse().map_err(|source| CidrError::Address { text: text.to_owned(), source })?;
        let (network, v4) = bits(address);
        let width: u32 = if v4 { 32 } else { 128 };
        let length = match length {
            None => width,
            Some(length) => {
                length.parse().map_err(|source| CidrError::Length { text: text.to_owned(), source })?
            }
        };
        let hosts = width.checked_sub(length).ok_or_else(|| CidrError::TooLong(text.to_owned()))?;
        let mask = u128::MAX.checked_shl(hosts).unwrap_or(0);
        if network & mask == network {
            Ok(Self { network, mask, v4 })
        } else {
            Err(CidrError::HostBits(text.to_owned()))
        }
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    }
}

/// The client's address: the peer's, or, if the peer is a trusted proxy, the rightmost hop of
/// `X-Forwarded-For` that is not one. What stands left of that hop was written by the client and is not read.
/// A header that cannot be read leaves the peer's address. IPv4 mapped into IPv6 comes out as IPv4.
pub fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let peer = peer.ip().to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    for line in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(line) = line.to_str() else { return peer };
        for entry in line.rsplit(',') {
            let Some(address) = hop(entry.trim()) else {
                return peer;
            };
            client = address;
            if !is_trusted(address) {
                return client;
            }
        }
    }
    client
}

/// Some proxies add the client's port, and brackets with it.
fn hop(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().or_else(|_| entry.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The first address of the network that counts as one client: a `/32` of IPv4, a `/64` of IPv6, since one IPv6
/// customer commands a whole /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64)).into(),
    }
}

/// The same network, written out.
pub fn prefix(address: IpAddr) -> String {
    let network = network(address);
    format!("{network}/{}", if network.is_ipv4() { 32 } else { 64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<Cidr> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_address(SocketAddr::new(peer.parse().unwrap(), 4711), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_his_address() {
        assert_eq!(client("203.0.113.9", &["1.2.3.4"], &[]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &["1.2.3.4"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn behind_trusted_proxies_the_rightmost_untrusted_hop_is_the_client() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.1.1.1"], &trusted), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "198.51.100.7", "10.1.1.1"], &trusted), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["garbage, 198.51.100.7"], &trusted), "198.51.100.7");
    }

    #[test]
    fn when_every_hop_is_trusted_the_first_one_is_the_client() {
        assert_eq!(client("10.0.0.1", &["10.9.9.9, 10.1.1.1"], &["10.0.0.0/8"]), "10.9.9.9");
    }

    #[test]
    fn an_unreadable_header_leaves_the_address_of_the_peer() {
        for forwarded in ["unknown", "", "198.51.100.7,", "198.51.100.7, <script>", "198.51.100.7, 300.1.1.1"]
        {
            assert_eq!(client("10.0.0.1", &[forwarded], &["10.0.0.0/8"]), "10.0.0.1", "{forwarded}");
        }
        assert_eq!(client("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn mapped_addresses_and_ports_are_seen_through() {
        assert_eq!(client("::ffff:203.0.113.9", &[], &[]), "203.0.113.9");
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["198.51.100.7:5555"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:443"], &["10.0.0.0/8"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]"], &["10.0.0.0/8"]), "2001:db8::1");
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("192.168.0.0/16", "192.168.255.1", "192.169.0.0"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::/0", "2001:db8::1", "1.1.1.1"),
            ("::1/128", "::1", "::2"),
        ] {
            let cidr: Cidr = network.parse().unwrap();
            assert!(cidr.contains(inside.parse().unwrap()), "{network} holds {inside}");
            assert!(!cidr.contains(outside.parse().unwrap()), "{network} does not hold {outside}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_says_why() {
        let refusal = |text: &str| text.parse::<Cidr>().unwrap_err();
        assert!(matches!(refusal("localhost"), CidrError::Address { .. }));
        assert!(matches!(refusal("10.0.0.0/x"), CidrError::Length { .. }));
        assert!(matches!(refusal("10.0.0.0/-1"), CidrError::Length { .. }));
        assert_eq!(refusal("10.0.0.0/33"), CidrError::TooLong("10.0.0.0/33".into()));
        assert_eq!(refusal("10.0.0.1/8"), CidrError::HostBits("10.0.0.1/8".into()));
    }

    #[test]
    fn limits_count_an_ipv4_address_and_an_ipv6_subnet() {
        let of = |text: &str| prefix(text.parse().unwrap());
        assert_eq!(of("198.51.100.7"), "198.51.100.7/32");
        assert_eq!(of("::ffff:198.51.100.7"), "198.51.100.7/32");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }
}
