//! Pages: typed view models, templates and styles.
