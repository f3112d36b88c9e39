//! A form that was refused: what somebody typed is still there, with the reason above it.

/// What was typed and why it was not done; empty when a page is opened.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Which form of the page: the value of its button.
    pub form: String,
    /// Its fields. Secrets are left out.
    pub fields: Vec<(String, String)>,
    /// Why it was not done, and what to do, in a sentence.
    pub problem: Option<String>,
}

impl Draft {
    /// Returns what was typed into a field of this form, or the empty text.
    pub(crate) fn value(&self, form: &str, field: &str) -> &str {
        self.value_or(form, field, "")
    }

    /// Returns what was typed into a field, or what it holds otherwise.
    pub(crate) fn value_or<'a>(&'a self, form: &str, field: &str, otherwise: &'a str) -> &'a str {
        if self.form != form {
            return otherwise;
        }
        let found = self.fields.iter().find(|(name, _)| name == field);
        found.map_or("", |(_, value)| value)
    }

    /// Returns the attribute that marks one of several choices, if it was made.
    pub(crate) fn selected(
        &self,
        form: &str,
        field: &str,
        choice: &str,
        otherwise: &str,
    ) -> &'static str {
        if self.value_or(form, field, otherwise) == choice {
            " selected"
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_keeps_what_was_typed_into_its_own_form_only() {
        let draft = Draft {
            form: "token".to_owned(),
            fields: vec![("label".to_owned(), "laptop".to_owned())],
            problem: None,
        };
        assert_eq!(draft.value("token", "label"), "laptop");
        assert_eq!(draft.value("other", "label"), "");
        assert_eq!(draft.value_or("other", "label", "stored"), "stored");
        assert_eq!(draft.value_or("token", "left-empty", "stored"), "");
        assert_eq!(draft.selected("token", "days", "90", "90"), "");
        assert_eq!(draft.selected("other", "days", "90", "90"), " selected");
    }
}
