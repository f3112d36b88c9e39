//! Which records are about the same flaw: union-find over aliases.
//!
//! A CVE is the one name that several databases agree on, so two different CVEs are never joined, even where a record
//! names both; the second stays an alias for reading. Edges are taken in sorted order: the result does not depend on
//! the order of feeds.

use std::collections::HashMap;

use crate::osv::is_cve;

/// The groups of names.
#[derive(Debug, Default)]
pub(super) struct Identity {
    index: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
    parent: Vec<u32>,
    /// The best name of each root.
    best: Vec<u32>,
}

impl Identity {
    /// Joins the pairs (record id, alias).
    pub(super) fn of(mut pairs: Vec<(String, String)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let mut identity = Self::default();
        for (id, alias) in &pairs {
            let (a, b) = (identity.add(id), identity.add(alias));
            identity.join(a, b);
        }
        identity
    }

    /// Returns the name that a flaw is shown by: the CVE, else the GHSA, else the smallest.
    pub(super) fn display<'a>(&'a self, id: &'a str) -> &'a str {
        match self.index.get(id) {
            Some(node) => &self.names[self.best[self.root(*node) as usize] as usize],
            None => id,
        }
    }

    fn add(&mut self, name: &str) -> u32 {
        if let Some(node) = self.index.get(name) {
            return *node;
        }
        let node = self.names.len() as u32;
        self.index.insert(name.into(), node);
        self.names.push(name.into());
        self.parent.push(node);
        self.best.push(node);
        node
    }

    fn root(&self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            node = self.parent[node as usize];
        }
        node
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let name = |root: u32| &*self.names[self.best[root as usize] as usize];
        if a == b || (is_cve(name(a)) && is_cve(name(b))) {
            return;
        }
        let best = std::cmp::min_by_key(self.best[a as usize], self.best[b as usize], |node| {
            rank(&self.names[*node as usize])
        });
        // Names are few per group and groups are small; path compression alone keeps walks short.
        self.parent[b as usize] = a;
        self.best[a as usize] = best;
    }
}

/// Orders names: CVE, GHSA, others; numerically where they are numbers.
fn rank(name: &str) -> (u8, usize, &str) {
    let class = match name {
        name if is_cve(name) => 0,
        name if name.starts_with("GHSA-") => 1,
        _ => 2,
    };
    (class, name.len(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(pairs: &[(&str, &str)]) -> Identity {
        Identity::of(
            pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_flaw_is_shown_by_its_cve_else_its_ghsa_else_its_own_id() {
        let names = identity(&[
            ("PYSEC-2020-96", "CVE-2020-1747"),
            ("GHSA-6757-jp84-gxfx", "CVE-2020-1747"),
            ("PYSEC-2020-1", "GHSA-a"),
            ("X-2", "X-10"),
        ]);
        for id in ["PYSEC-2020-96", "GHSA-6757-jp84-gxfx", "CVE-2020-1747"] {
            assert_eq!(names.display(id), "CVE-2020-1747");
        }
        assert_eq!(names.display("PYSEC-2020-1"), "GHSA-a");
        assert_eq!(names.display("X-10"), "X-2");
        assert_eq!(names.display("MAL-2024-1"), "MAL-2024-1");
    }

    #[test]
    fn aliases_join_through_others() {
        let names = identity(&[("A-1", "B-1"), ("C-1", "B-1"), ("C-1", "CVE-2020-0001")]);
        assert_eq!(names.display("A-1"), "CVE-2020-0001");
    }

    #[test]
    fn two_cves_stay_two_flaws_in_any_order() {
        let pairs = [
            ("GHSA-a", "CVE-2020-0002"),
            ("GHSA-a", "CVE-2020-0001"),
            ("PYSEC-1", "GHSA-a"),
        ];
        let mut turned = pairs;
        turned.reverse();
        for pairs in [pairs, turned] {
            let names = identity(&pairs);
            assert_eq!(names.display("CVE-2020-0002"), "CVE-2020-0002");
            assert_eq!(names.display("CVE-2020-0001"), "CVE-2020-0001");
            assert_eq!(names.display("PYSEC-1"), "CVE-2020-0001");
        }
    }

    #[test]
    fn the_smaller_cve_number_is_the_numerically_smaller() {
        assert!(rank("CVE-2020-9999") < rank("CVE-2020-10000"));
    }
}
