//! Registering metrics: each is described once, and every series is there from the start.
//!
//! Labels have closed lists of words, so a series exists before anything was counted (a rate sees the first error), and
//! whoever counts holds the series itself: nothing is hashed, locked or allocated for a label on the way of a request.

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::registry::Registry;

/// What stands before every name.
const PREFIX: &str = "tidegate";

type Labels = Vec<(&'static str, &'static str)>;

/// What is known of a metric, for the reference.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// As scrapes show it, without the suffixes of histograms.
    pub(super) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(super) kind: String,
    pub(super) help: &'static str,
    /// Each label with its words.
    pub(super) labels: Vec<(&'static str, Vec<&'static str>)>,
}

/// A registry that remembers what it was told.
#[derive(Debug)]
pub(crate) struct Book {
    pub(super) registry: Registry,
    pub(super) entries: Vec<Entry>,
}

impl Book {
    pub(super) fn new() -> Self {
        Self {
            registry: Registry::with_prefix(PREFIX),
            entries: Vec::new(),
        }
    }

    /// Registers a metric without labels. Its help is a sentence without its full stop.
    pub(crate) fn one<M>(&mut self, name: &'static str, help: &'static str, metric: M) -> M
    where
        M: EncodeMetric + TypedMetric + Clone + Send + Sync + std::fmt::Debug + 'static,
    {
        self.describe::<M>(name, help, Vec::new());
        self.registry.register(name, help, metric.clone());
        metric
    }

    /// Registers a metric with one label, and returns its series.
    pub(crate) fn each<M, C>(
        &mut self,
        (name, help): (&'static str, &'static str),
        (label, words): (&'static str, &[&'static str]),
        make: C,
    ) -> Words<M>
    where
        M: EncodeMetric + TypedMetric + Clone + Send + Sync + std::fmt::Debug + 'static,
        C: MetricConstructor<M> + Clone + Send + Sync + 'static,
    {
        self.describe::<M>(name, help, vec![(label, words.to_vec())]);
        let family = Family::<Labels, M, C>::new_with_constructor(make);
        self.registry.register(name, help, family.clone());
        Words(
            words
                .iter()
                .map(|word| (*word, family.get_or_create_owned(&vec![(label, *word)])))
                .collect(),
        )
    }

    /// Registers a metric with two labels; the first says which of the tables.
    pub(crate) fn grid<M, C>(
        &mut self,
        (name, help): (&'static str, &'static str),
        (first, tables): (&'static str, &[&'static str]),
        (second, words): (&'static str, &[&'static str]),
        make: C,
    ) -> Vec<Vec<M>>
    where
        M: EncodeMetric + TypedMetric + Clone + Send + Sync + std::fmt::Debug + 'static,
        C: MetricConstructor<M> + Clone + Send + Sync + 'static,
    {
        let labels = vec![(first, tables.to_vec()), (second, words.to_vec())];
        self.describe::<M>(name, help, labels);
        let family = Family::<Labels, M, C>::new_with_constructor(make);
        self.registry.register(name, help, family.clone());
        let series =
            |table, word| family.get_or_create_owned(&vec![(first, table), (second, word)]);
        tables
            .iter()
            .map(|table| words.iter().map(|word| series(*table, *word)).collect())
            .collect()
    }

    fn describe<M: TypedMetric>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Vec<(&'static str, Vec<&'static str>)>,
    ) {
        let kind = M::TYPE.as_str().to_owned();
        let suffix = if kind == "counter" { "_total" } else { "" };
        self.entries.push(Entry {
            name: format!("{PREFIX}_{name}{suffix}"),
            kind,
            help,
            labels,
        });
    }
}

/// The series of a metric with one label, by their words.
#[derive(Debug)]
pub(crate) struct Words<M>(Vec<(&'static str, M)>);

impl<M> Words<M> {
    /// Returns a word's series. Words that no list holds are not counted; tests find them.
    pub(crate) fn of(&self, word: &str) -> Option<&M> {
        let found = self.0.iter().find(|(listed, _)| *listed == word);
        debug_assert!(found.is_some(), "`{word}` is no word of this metric");
        found.map(|(_, series)| series)
    }
}
