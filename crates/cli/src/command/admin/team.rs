//! `tidegate admin team`.

use server::admin::{TeamChange, TeamRole};

use super::Context;
use super::listing::{Column, Shape};
use crate::config::Flags;
use crate::exit::Failure;
use crate::output::{Output, plain};

const TEAMS: &[Column] = &[
    ("TEAM", "/name"),
    ("ROLE", "/role"),
    ("MEMBERS", "/members"),
    ("SYNC", "/sync/source"),
    ("GROUP", "/sync/group"),
];
const MEMBERS: &[Column] = &[
    ("MEMBER", "/member/name"),
    ("KIND", "/member/kind"),
    ("SYNC", "/syncSource"),
    ("SINCE", "/addedAt"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a team
    #[command(after_help = "Example: tidegate admin team create acme/backend --role creator")]
    Create {
        /// The team, as `organisation/team`
        team: String,
        /// What its members are in the organisation: `member`, `creator` or `admin`
        #[arg(long, default_value = "member")]
        role: TeamRole,
        #[command(flatten)]
        flags: Flags,
    },
    /// List an organisation's teams
    List {
        /// The organisation
        organization: String,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// List a team's members
    Members {
        /// The team, as `organisation/team`
        team: String,
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        flags: Flags,
    },
    /// Put a person or a robot into a team
    Add {
        /// The team, as `organisation/team`
        team: String,
        /// A person's name, or a robot's: `owner+name`
        member: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Take somebody out of a team; this ends their sessions and tokens
    Remove {
        /// The team, as `organisation/team`
        team: String,
        /// A person's name, or a robot's: `owner+name`
        member: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Bind a team to a group of an identity provider, or end that
    #[command(
        after_help = "Example: tidegate admin team sync acme/backend --source corp --group dev"
    )]
    Sync {
        /// The team, as `organisation/team`
        team: String,
        /// The provider, as the settings name it; without it the binding ends
        #[arg(long, requires = "group")]
        source: Option<String>,
        /// The group there
        #[arg(long, requires = "source")]
        group: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Delete a team with everything it was given
    Delete {
        /// The team, as `organisation/team`
        team: String,
        #[command(flatten)]
        flags: Flags,
    },
}

flags_of!(Create, List, Members, Add, Remove, Sync, Delete);

pub(super) async fn perform(
    command: &Command,
    context: &Context<'_>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (admin, now) = (context.admin, context.now);
    match command {
        Command::Create { team, role, .. } => {
            let created = admin.create_team(team, *role, now).await;
            created.map_err(Failure::new)?;
            output.say(&format!("team {} created", plain(team)));
        }
        Command::List {
            organization,
            shape,
            ..
        } => {
            let teams = admin.teams(organization).await;
            shape.list(&teams.map_err(Failure::new)?, TEAMS, output)?;
        }
        Command::Members { team, shape, .. } => {
            let members = admin.team_members(team).await;
            shape.list(&members.map_err(Failure::new)?, MEMBERS, output)?;
        }
        Command::Add { team, member, .. } => {
            let added = admin.set_member(team, member, true, now).await;
            added.map_err(Failure::new)?;
            output.say(&format!("{} is in {}", plain(member), plain(team)));
        }
        Command::Remove { team, member, .. } => {
            let removed = admin.set_member(team, member, false, now).await;
            removed.map_err(Failure::new)?;
            output.say(&format!("{} is not in {}", plain(member), plain(team)));
        }
        Command::Sync {
            team,
            source,
            group,
            ..
        } => {
            let change = TeamChange {
                sync: Some(source.clone().zip(group.clone())),
                ..TeamChange::default()
            };
            let changed = admin.change_team(team, &change, now).await;
            changed.map_err(Failure::new)?;
            output.say(&format!("team {} changed", plain(team)));
        }
        Command::Delete { team, .. } => {
            admin.delete_team(team, now).await.map_err(Failure::new)?;
            output.say(&format!("team {} deleted", plain(team)));
        }
    }
    Ok(())
}
