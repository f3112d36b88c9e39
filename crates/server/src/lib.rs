//! HTTP: the registry, the pages, the API, workers.
