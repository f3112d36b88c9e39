//! What counts of refusals mean: how long the next attempt waits.
//!
//! | Count | Free | Then |
//! |---|---|---|
//! | account from one address | 5 | 1 s, doubled by each refusal, at most 15 min |
//! | the same, while the account is under attack | 1 | 1 min, doubled by each refusal, at most 15 min |
//! | address | 60 in 10 min | the rest of the 10 min |
//!
//! An account is under attack after 50 refusals in an hour, from anywhere. That never closes it for an address that has
//! not failed itself: a first attempt is always looked at, so nobody can lock somebody else out from another address.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use catalog::{LoginFailures, LoginMemory, Tally};
use jiff::{SignedDuration, Timestamp};

/// How long refusals are remembered.
pub(super) const MEMORY: LoginMemory = LoginMemory {
    pair: SignedDuration::from_hours(1),
    account: SignedDuration::from_hours(1),
    address: SignedDuration::from_mins(10),
};

const FREE: u32 = 5;
const FREE_UNDER_ATTACK: u32 = 1;
const FIRST_WAIT_SECS: u64 = 1;
const FIRST_WAIT_UNDER_ATTACK_SECS: u64 = 60;
const LONGEST_WAIT_SECS: u64 = 15 * 60;
const ATTACK: u32 = 50;
const ADDRESS_BUDGET: u32 = 60;

/// Returns how long the next attempt has to wait, in whole seconds and at least one; `None` lets it go on.
pub(super) fn wait(known: &LoginFailures, now: Timestamp) -> Option<Duration> {
    let is_attacked = failures(known.account) >= ATTACK;
    let (free, first) = if is_attacked {
        (FREE_UNDER_ATTACK, FIRST_WAIT_UNDER_ATTACK_SECS)
    } else {
        (FREE, FIRST_WAIT_SECS)
    };
    let of_pair = known.pair.and_then(|tally| {
        let doublings = tally.failures.checked_sub(free)?.min(32);
        let secs = (first << doublings).min(LONGEST_WAIT_SECS);
        rest(tally.last_at, SignedDuration::from_secs(secs as i64), now)
    });
    let of_address = known
        .address
        .filter(|tally| tally.failures >= ADDRESS_BUDGET)
        .and_then(|tally| rest(tally.expires_at, SignedDuration::ZERO, now));
    of_pair.max(of_address)
}

fn failures(tally: Option<Tally>) -> u32 {
    tally.map_or(0, |tally| tally.failures)
}

fn rest(from: Timestamp, wait: SignedDuration, now: Timestamp) -> Option<Duration> {
    let until = from.saturating_add(wait).unwrap_or(from);
    let left = until.duration_since(now);
    // A clock that was set back must not keep anybody out for longer than the longest wait.
    let left = left.min(SignedDuration::from_secs(LONGEST_WAIT_SECS as i64));
    let millis = u64::try_from(left.as_millis()).unwrap_or(0);
    (millis > 0).then(|| Duration::from_secs(millis.div_ceil(1_000)))
}

/// Returns what an address is counted under: itself, or the /64 network of an IPv6 address, which is one customer's.
pub(super) fn address_key(ip: Option<&str>) -> String {
    let Some(ip) = ip.and_then(|ip| ip.parse::<IpAddr>().ok()) else {
        return "unknown".to_owned();
    };
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + secs).unwrap()
    }

    fn tally(failures: u32) -> Option<Tally> {
        (failures > 0).then(|| Tally {
            failures,
            last_at: at(0),
            expires_at: at(600),
        })
    }

    /// Waiting `after` seconds after the last refusal; 0 is no wait.
    #[track_caller]
    fn check(pair: u32, account: u32, address: u32, after: i64, expected: u64) {
        let known = LoginFailures {
            pair: tally(pair),
            account: tally(account),
            address: tally(address),
        };
        let waited = wait(&known, at(after)).map_or(0, |wait| wait.as_secs());
        assert_eq!(waited, expected);
    }

    #[rstest]
    #[case::nothing_happened(0, 0, 0, 0, 0)]
    #[case::a_few_slips_are_free(4, 4, 4, 0, 0)]
    #[case::the_fifth_waits(5, 5, 5, 0, 1)]
    #[case::each_doubles(8, 8, 8, 0, 8)]
    #[case::time_passes(8, 8, 8, 5, 3)]
    #[case::the_wait_ends(8, 8, 8, 8, 0)]
    #[case::up_to_a_quarter_of_an_hour(15, 15, 15, 0, 900)]
    #[case::for_ever_so_many(u32::MAX, 49, 1, 0, 900)]
    #[case::under_attack_one_is_free(0, 50, 0, 0, 0)]
    #[case::under_attack_the_second_waits(1, 50, 1, 0, 60)]
    #[case::under_attack_it_doubles(3, 50, 3, 0, 240)]
    #[case::an_attack_closes_nothing_for_others(0, u32::MAX, 0, 0, 0)]
    #[case::an_address_has_a_budget(0, 0, 59, 0, 0)]
    #[case::that_ends(1, 1, 60, 0, 600)]
    #[case::and_begins_again(1, 1, 60, 600, 0)]
    #[case::a_clock_set_back_locks_nobody_out(8, 8, 60, -1_000_000, 900)]
    fn the_next_attempt_waits(
        #[case] pair: u32,
        #[case] account: u32,
        #[case] address: u32,
        #[case] after: i64,
        #[case] expected: u64,
    ) {
        check(pair, account, address, after, expected);
    }

    #[rstest]
    #[case(Some("192.0.2.7"), "192.0.2.7")]
    #[case(Some("::ffff:192.0.2.7"), "192.0.2.7")]
    #[case(Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64")]
    #[case(Some("2001:db8:1:2::9"), "2001:db8:1:2::/64")]
    #[case(Some("no address"), "unknown")]
    #[case(None, "unknown")]
    fn an_address_is_counted_with_its_network(#[case] ip: Option<&str>, #[case] expected: &str) {
        assert_eq!(address_key(ip), expected);
    }
}
