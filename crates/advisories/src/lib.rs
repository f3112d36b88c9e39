//! What is known: feeds become an immutable snapshot, a snapshot matches inventories, findings become a health grade.
