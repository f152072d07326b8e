"""The ledger's schema, a step for each version. A step that was released is never changed.

Tables, keys and types are what SQLite and PostgreSQL have in common. Times are ISO 8601 in UTC. Hashes are
64-bit, stored signed.
"""

from __future__ import annotations

__all__ = ["STEPS"]

STEPS: tuple[str, ...] = (
    """
    create table meta (name text primary key, value text not null);

    -- An account is its kind, name and address; `generation` tells workspaces behind one name apart.
    create table account (
        id integer primary key,
        kind text not null, name text not null, base_url text not null, generation integer not null default 1,
        key_mac text not null default '',
        first_seen text not null, last_seen text not null,
        unique (kind, name, base_url, generation)
    );

    create table mapping_text (sha256 text primary key, name text not null, text text not null);

    create table run (
        id text primary key,
        account integer not null references account (id),
        mapping text not null, mapping_sha256 text not null,
        verb text not null,
        source_path text not null, source_sha256 text not null default '', rows_read integer not null default 0,
        started_at text not null, finished_at text, state text not null, exit_code integer,
        folder text not null, flow_run text not null default '', follows text not null default '',
        summary text not null default ''
    );
    create index run_of_mapping on run (account, mapping, started_at);

    -- What is about to be sent: durable before the first call. `wanted` is the whole contact after the mapping,
    -- `before` the contact as it was there (for undo). `carried` marks an opt-out of a row that is not sent itself.
    create table intent (
        run text not null, row_number integer not null, attempt integer not null,
        batch integer not null, carried integer not null default 0,
        key text not null, key_hash bigint not null, person text not null, fingerprint bigint not null,
        old_key text not null default '', wanted text not null, before text, made_at text not null,
        primary key (run, row_number, attempt)
    );

    -- What became of it: durable before it counts.
    create table answer (
        run text not null, row_number integer not null, attempt integer not null,
        outcome text not null, code text not null default '', reason text not null default '',
        contact_id text not null default '', opted_out integer not null default 0,
        problems text not null default '[]', kept text not null default '{}', calls text not null default '{}',
        answered_at text not null,
        primary key (run, row_number, attempt)
    );

    -- What each mapping last delivered, and so what it may compare with.
    create table delivered (
        account integer not null, mapping text not null, key text not null, person text not null,
        contact_id text not null, wanted text not null, run text not null, delivered_at text not null,
        primary key (account, mapping, key)
    );
    create index delivered_person on delivered (account, mapping, person);

    -- What is known of consent, whoever said it: once opted out stays so.
    create table consent (
        account integer not null, key text not null, opted_out integer not null, origin text not null, known_at text not null,
        primary key (account, key)
    );

    -- Keys and fingerprints of all that was delivered, packed by the first byte of the key's hash.
    create table page (
        account integer not null, mapping text not null, number integer not null, entries integer not null, body blob not null,
        primary key (account, mapping, number)
    );

    -- Repairs by hand that outlive the night, for the same person and the same original value.
    create table correction (
        account integer not null, mapping text not null, person text not null, column_name text not null,
        original text not null, corrected text not null, who text not null, made_at text not null,
        primary key (account, mapping, person, column_name)
    );
    """,
    """
    -- What a mapping itself has brought to a contact, as JSON: names of `tags` and `lists` that were not there before,
    -- `texts` of fields that are delivered only once. '' where that is not known.
    alter table answer add column own text not null default '';
    alter table delivered add column own text not null default '';
    """,
    """
    -- The names in the headers that finished runs have read: a name that is not here is new.
    create table column_seen (
        account integer not null, mapping text not null, name text not null, first_seen text not null,
        primary key (account, mapping, name)
    );
    """,
    """
    -- Whom a destination without a look-up lists: address, id and place of each of its contacts, counted from the end of
    -- the list. `listing` says when all pages were last read, and how many contacts there were then.
    create table listed (
        account integer not null, key text not null, contact_id text not null, place integer not null,
        primary key (account, key, contact_id)
    );
    create table listing (account integer primary key, total integer not null, read_at text not null);

    -- What somebody has allowed by name for a version of a mapping, so that it is not asked again.
    create table allowance (
        account integer not null, mapping text not null, mapping_sha256 text not null, name text not null, made_at text not null,
        primary key (account, mapping, mapping_sha256, name)
    );

    -- Who said that somebody wants no mail: a mapping's source by its name, or the destination. A consent that is followed takes
    -- back what its own mapping and the destination said, and nobody else's.
    create table objection (
        account integer not null, key text not null, origin text not null, said_at text not null,
        primary key (account, key, origin)
    );
    insert into objection select account, key, origin, known_at from consent where opted_out = 1;

    -- Persons by whose rows an opt-out was heard, so that it holds also under an address that they have later.
    create table objector (
        account integer not null, mapping text not null, person text not null, said_at text not null,
        primary key (account, mapping, person)
    );

    -- Whether somebody was subscribed again, because the source has a newer consent and the mapping follows it.
    alter table answer add column opted_in integer not null default 0;
    """,
    """
    -- Where the mapping's file was: a retry goes through what stands there now. '' of runs before this.
    alter table run add column mapping_path text not null default '';
    """,
    """
    -- What a run that may send was begun with, as JSON: options, guards and what was allowed. '' as long as nothing was sent.
    alter table run add column begun text not null default '';

    -- The stretches of work at a run, one after the other: more than one where it was interrupted. `ending` is '' while one
    -- lasts, and stays so where its process was killed. `answers` and `unclear` are what it found: rows that had an answer,
    -- and rows that may have been sent and had none.
    create table stretch (
        run text not null, number integer not null, began_at text not null, ended_at text, ending text not null default '',
        answers integer not null default 0, unclear integer not null default 0,
        sent integer not null default 0, retried integer not null default 0, throttled integer not null default 0,
        primary key (run, number)
    );
    """,
    """
    -- Who was forgotten: a keyed hash of an address or id, by which nobody is found who does not have it already.
    create table forgotten (key_mac text primary key, made_at text not null);

    -- Known problems that somebody accepted: they stay counted, and do not ask for a person again. `person` is the row's
    -- person id, else its key as the source writes it; `value` the cell's keyed hash. `last_seen` is the last run that had it.
    create table acceptance (
        account integer not null, mapping text not null, person text not null, code text not null, column_name text not null,
        value_mac text not null, who text not null, why text not null, made_at text not null, last_seen text not null default '',
        primary key (account, mapping, person, code, column_name)
    );

    -- Who edited which cell of a run's rows, and when: in a returned file or in the page.
    create table edit (
        run text not null, row_number integer not null, column_name text not null, made_at text not null,
        before text not null, after text not null, who text not null, origin text not null,
        primary key (run, row_number, column_name, made_at)
    );

    -- A correction is of the run in which it was made, and is not applied any more once it was revoked, or done: its source has
    -- another value since.
    alter table correction add column run text not null default '';
    alter table correction add column revoked_at text not null default '';
    alter table correction add column done_at text not null default '';

    -- What a run undoes: '' where it is none. Before-images of contacts are in `intent.before`.
    alter table run add column undoes text not null default '';

    -- Whether rows of the run's people are kept still: they go after a while, and its counts stay.
    alter table run add column kept integer not null default 1;
    """,
    """
    -- Files that were seen in an inbox. `name` is where one lay; `sorts` says which came first; `state` is arrived, synced,
    -- superseded, repeated or late. Whether a content is synced the runs say: those that read it to its end. The name '' is when the
    -- inbox was first looked into.
    create table arrival (
        account integer not null, mapping text not null, name text not null, sha256 text not null, size bigint not null,
        modified_at text not null, version text not null default '', sorts text not null, seen_at text not null,
        run text not null default '', state text not null,
        primary key (account, mapping, name, sha256)
    );

    -- Who was delivered and is absent from a complete source: since which run, and what was done about it.
    create table vanished (
        account integer not null, mapping text not null, key text not null, person text not null default '',
        since text not null, run text not null, done text not null default '',
        primary key (account, mapping, key)
    );

    -- What each receiver was last told of a mapping, so that a state is told once. `account` is KIND-NAME, and '' where the mapping
    -- could not be read: then `path`, its file, says which it is.
    create table told (
        account text not null, mapping text not null, receiver text not null, path text not null, state text not null,
        run text not null default '', since text not null, told_at text not null,
        primary key (account, mapping, receiver)
    );

    -- Who works at what, in a ledger that machines share, until when in seconds since 1970 by the database's clock; 0 when it was
    -- let go. Whoever takes one that has run out has a higher token, and what the one before writes is refused.
    create table lease (name text primary key, holder text not null, token bigint not null, until double precision not null);
    """,
)
