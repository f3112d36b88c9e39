//! Every SQL statement: names, tags, people, evidence rows, jobs.
