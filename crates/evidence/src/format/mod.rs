//! Interchange formats: the same facts in other tools' spellings.
