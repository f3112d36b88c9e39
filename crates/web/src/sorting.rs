//! Orders of lists: a column and a direction, in the address.
//!
//! Adding a list: an enum of its columns that implements [`Column`], and `chips::heading` in its template.

use crate::routes::Query;

/// The columns by which a list is ordered.
pub trait Column: Copy + PartialEq + 'static {
    /// Each with its word in the `sort` parameter.
    const WORDS: &'static [(Self, &'static str)];
    /// The order when nothing is asked for, which no address says.
    const DEFAULT: Sort<Self>;

    /// Returns whether the first click on this column brings the greatest first.
    fn begins_descending(self) -> bool;
}

/// An order: a column and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort<C> {
    /// What is compared.
    pub column: C,
    /// Whether the greatest come first.
    pub descending: bool,
}

impl<C: Column> Default for Sort<C> {
    fn default() -> Self {
        C::DEFAULT
    }
}

impl<C> Sort<C> {
    /// Returns an order.
    pub const fn by(column: C, descending: bool) -> Self {
        Self { column, descending }
    }
}

impl<C: Column> Sort<C> {
    /// Reads the `sort` parameter; unknown values are the default.
    pub fn from_parameter(value: &str) -> Self {
        let (word, descending) = value
            .strip_prefix('-')
            .map_or((value, false), |word| (word, true));
        let found = C::WORDS.iter().find(|(_, name)| *name == word);
        found.map_or(C::DEFAULT, |(column, _)| Self::by(*column, descending))
    }

    /// Returns the value of the parameter, empty for the default.
    pub fn parameter(self) -> String {
        if self == C::DEFAULT {
            return String::new();
        }
        let found = C::WORDS.iter().find(|(column, _)| *column == self.column);
        let word = found.map_or("", |(_, word)| word);
        format!("{}{word}", if self.descending { "-" } else { "" })
    }

    /// Returns a heading that orders the list. `address` writes the address of the list in another order.
    pub(crate) fn heading(
        self,
        label: &'static str,
        column: C,
        address: impl FnOnce(Self) -> Query,
    ) -> Heading {
        let (aria, arrow) = match (self.column == column, self.descending) {
            (false, _) => ("", ""),
            (true, false) => (" aria-sort=ascending", "↑"),
            (true, true) => (" aria-sort=descending", "↓"),
        };
        Heading {
            label,
            aria,
            arrow,
            address: address(self.after_click(column)),
        }
    }

    /// Returns the order after a click on a heading: as the column begins, then the other way round.
    fn after_click(self, column: C) -> Self {
        if self.column == column {
            return Self::by(column, !self.descending);
        }
        Self::by(column, column.begins_descending())
    }
}

/// A heading that orders the table.
pub(crate) struct Heading {
    pub(crate) label: &'static str,
    pub(crate) aria: &'static str,
    pub(crate) arrow: &'static str,
    pub(crate) address: Query,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::people::account::TokenColumn;
    use crate::pages::tags::TagColumn;

    #[track_caller]
    fn check<C: Column + std::fmt::Debug>() {
        for (column, _) in C::WORDS {
            for descending in [true, false] {
                let sort = Sort::by(*column, descending);
                assert_eq!(Sort::from_parameter(&sort.parameter()), sort);
            }
        }
        assert_eq!(Sort::<C>::from_parameter("-colour"), C::DEFAULT);
        assert_eq!(C::DEFAULT.parameter(), "");
    }

    #[test]
    fn sorting_parameters_survive_their_spelling() {
        check::<TagColumn>();
        check::<TokenColumn>();
    }

    #[test]
    fn a_second_click_turns_the_order_round() {
        let once = Sort::default().after_click(TagColumn::Size);
        assert_eq!(once.parameter(), "-size");
        assert_eq!(once.after_click(TagColumn::Size).parameter(), "size");
        let once = Sort::default().after_click(TokenColumn::Used);
        assert_eq!(once.parameter(), "used", "what nobody uses comes first");
    }
}
