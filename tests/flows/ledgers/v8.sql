pragma user_version = 8;
BEGIN TRANSACTION;
CREATE TABLE acceptance (
        account integer not null, mapping text not null, person text not null, code text not null, column_name text not null,
        value_mac text not null, who text not null, why text not null, made_at text not null, last_seen text not null default '',
        primary key (account, mapping, person, code, column_name)
    );
CREATE TABLE account (
        id integer primary key,
        kind text not null, name text not null, base_url text not null, generation integer not null default 1,
        key_mac text not null default '',
        first_seen text not null, last_seen text not null,
        unique (kind, name, base_url, generation)
    );
INSERT INTO "account" VALUES(1,'campaignlark','main','http://127.0.0.1:0/v1',1,'ea87f32166b66df9ed10988534b96bc49598dbcd60ad8f1a444aac793efbcdac','2026-11-27T02:36:14.038794Z','2026-11-27T02:36:14.038820Z');
CREATE TABLE allowance (
        account integer not null, mapping text not null, mapping_sha256 text not null, name text not null, made_at text not null,
        primary key (account, mapping, mapping_sha256, name)
    );
CREATE TABLE answer (
        run text not null, row_number integer not null, attempt integer not null,
        outcome text not null, code text not null default '', reason text not null default '',
        contact_id text not null default '', opted_out integer not null default 0,
        problems text not null default '[]', kept text not null default '{}', calls text not null default '{}',
        answered_at text not null, own text not null default '', opted_in integer not null default 0,
        primary key (run, row_number, attempt)
    );
INSERT INTO "answer" VALUES('20261127-023614-6daa',1,1,'created','','','6b08ec9e5a2db0c10e000002',0,'[]','{}','{"calls":["POST /contacts/upsert"],"changes":["email_address","first_name","city","score"]}','2026-11-27T02:36:14.305811Z','{"tags":["vip"],"lists":[],"texts":{}}',0);
INSERT INTO "answer" VALUES('20261127-023614-6daa',4,1,'created','','','6b08ec9e5a2db0c10e000003',0,'[]','{}','{"calls":["POST /contacts/upsert"],"changes":["email_address","first_name","city"]}','2026-11-27T02:36:14.335322Z','{"tags":[],"lists":[],"texts":{}}',0);
INSERT INTO "answer" VALUES('20261127-023614-6daa',3,1,'created','','','6b08ec9e5a2db0c10e000004',1,'[]','{}','{"calls":["GET /contacts/by-email","POST /contacts/upsert"],"changes":["email_address","first_name","city","score"],"opted_out":1}','2026-11-27T02:36:14.335322Z','{"tags":["vip"],"lists":[],"texts":{}}',0);
INSERT INTO "answer" VALUES('20261127-023614-6daa',2,1,'updated','','','6b08ec9e5a2db0c10e000001',1,'[]','{}','{"calls":["POST /contacts/upsert","POST /contacts/{id}/tags/add"],"changes":{"first_name":[null,"Name 2"],"city":[null,"Köln"]},"tags":["vip"],"automations":[["FIELD_UPDATED","first_name",1],["FIELD_UPDATED","city",1],["TAG_ADDED","vip",1]]}','2026-11-27T02:36:14.335322Z','{"tags":["vip"],"lists":[],"texts":{}}',0);
INSERT INTO "answer" VALUES('20261127-023614-f3ee',1,1,'updated','','','6b08ec9e5a2db0c10e000002',0,'[]','{}','{"calls":["POST /contacts/upsert"],"changes":{"city":["Bonn","Köln"]},"automations":[["FIELD_UPDATED","city",1]]}','2026-11-27T02:36:14.796613Z','{"tags":["vip"],"lists":[],"texts":{},"had_tags":["vip"]}',0);
INSERT INTO "answer" VALUES('20261127-023614-f3ee',5,1,'created','','','6b08ec9e5a2db0c10e000005',0,'[]','{}','{"calls":["POST /contacts/upsert"],"changes":["email_address","first_name","city"]}','2026-11-27T02:36:14.796613Z','{"tags":["vip"],"lists":[],"texts":{}}',0);
CREATE TABLE arrival (
        account integer not null, mapping text not null, name text not null, sha256 text not null, size bigint not null,
        modified_at text not null, version text not null default '', sorts text not null, seen_at text not null,
        run text not null default '', state text not null,
        primary key (account, mapping, name, sha256)
    );
CREATE TABLE column_seen (
        account integer not null, mapping text not null, name text not null, first_seen text not null,
        primary key (account, mapping, name)
    );
INSERT INTO "column_seen" VALUES(1,'people','Id','2026-11-27T02:36:14.525986Z');
INSERT INTO "column_seen" VALUES(1,'people','Email','2026-11-27T02:36:14.525986Z');
INSERT INTO "column_seen" VALUES(1,'people','First','2026-11-27T02:36:14.525986Z');
INSERT INTO "column_seen" VALUES(1,'people','City','2026-11-27T02:36:14.525986Z');
INSERT INTO "column_seen" VALUES(1,'people','Score','2026-11-27T02:36:14.525986Z');
INSERT INTO "column_seen" VALUES(1,'people','Tags','2026-11-27T02:36:14.525986Z');
INSERT INTO "column_seen" VALUES(1,'people','Out','2026-11-27T02:36:14.525986Z');
CREATE TABLE consent (
        account integer not null, key text not null, opted_out integer not null, origin text not null, known_at text not null,
        primary key (account, key)
    );
INSERT INTO "consent" VALUES(1,'p2@example.com',1,'destination','2026-11-27T02:36:14.262697Z');
INSERT INTO "consent" VALUES(1,'p3@example.com',1,'people','2026-11-27T02:36:14.279990Z');
CREATE TABLE correction (
        account integer not null, mapping text not null, person text not null, column_name text not null,
        original text not null, corrected text not null, who text not null, made_at text not null, run text not null default '', revoked_at text not null default '', done_at text not null default '',
        primary key (account, mapping, person, column_name)
    );
CREATE TABLE delivered (
        account integer not null, mapping text not null, key text not null, person text not null,
        contact_id text not null, wanted text not null, run text not null, delivered_at text not null, own text not null default '',
        primary key (account, mapping, key)
    );
INSERT INTO "delivered" VALUES(1,'people','p1@example.com','1','6b08ec9e5a2db0c10e000002','{"texts":{"email_address":"p1@example.com","first_name":"Name 1","city":"Bonn","score":"1"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','20261127-023614-6daa','2026-11-27T02:36:14.305811Z','{"tags":["vip"],"lists":[],"texts":{}}');
INSERT INTO "delivered" VALUES(1,'people','p2@example.com','2','6b08ec9e5a2db0c10e000001','{"texts":{"email_address":"p2@example.com","first_name":"Name 2","city":"Köln"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','20261127-023614-6daa','2026-11-27T02:36:14.335322Z','{"tags":["vip"],"lists":[],"texts":{}}');
INSERT INTO "delivered" VALUES(1,'people','p3@example.com','3','6b08ec9e5a2db0c10e000004','{"texts":{"email_address":"p3@example.com","first_name":"Name 3","city":"Köln","score":"3"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":true}','20261127-023614-6daa','2026-11-27T02:36:14.335322Z','{"tags":["vip"],"lists":[],"texts":{}}');
INSERT INTO "delivered" VALUES(1,'people','p4@example.com','4','6b08ec9e5a2db0c10e000003','{"texts":{"email_address":"p4@example.com","first_name":"Name 4","city":"Köln"},"tags":[],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','20261127-023614-6daa','2026-11-27T02:36:14.335322Z','{"tags":[],"lists":[],"texts":{}}');
CREATE TABLE edit (
        run text not null, row_number integer not null, column_name text not null, made_at text not null,
        before text not null, after text not null, who text not null, origin text not null,
        primary key (run, row_number, column_name, made_at)
    );
CREATE TABLE forgotten (key_mac text primary key, made_at text not null);
CREATE TABLE intent (
        run text not null, row_number integer not null, attempt integer not null,
        batch integer not null, carried integer not null default 0,
        key text not null, key_hash bigint not null, person text not null, fingerprint bigint not null,
        old_key text not null default '', wanted text not null, before text, made_at text not null,
        primary key (run, row_number, attempt)
    );
INSERT INTO "intent" VALUES('20261127-023614-6daa',1,1,1,0,'p1@example.com',8213496887254735273,'1',3846647472416808309,'','{"texts":{"email_address":"p1@example.com","first_name":"Name 1","city":"Bonn","score":"1"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','null','2026-11-27T02:36:14.279990Z');
INSERT INTO "intent" VALUES('20261127-023614-6daa',2,1,1,0,'p2@example.com',9045323755195588670,'2',8582078750887496054,'','{"texts":{"email_address":"p2@example.com","first_name":"Name 2","city":"Köln"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','{"id":"6b08ec9e5a2db0c10e000001","key":"p2@example.com","status":"UNSUBSCRIBED","opted_out":true,"fields":{"email_address":"p2@example.com"},"tags":[],"lists":null,"seen":1795746974.2310846}','2026-11-27T02:36:14.279990Z');
INSERT INTO "intent" VALUES('20261127-023614-6daa',3,1,1,0,'p3@example.com',-8565783074770932414,'3',-2351518643468802601,'','{"texts":{"email_address":"p3@example.com","first_name":"Name 3","city":"Köln","score":"3"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":true}','null','2026-11-27T02:36:14.279990Z');
INSERT INTO "intent" VALUES('20261127-023614-6daa',4,1,1,0,'p4@example.com',-8754778365365692015,'4',4943933535403131574,'','{"texts":{"email_address":"p4@example.com","first_name":"Name 4","city":"Köln"},"tags":[],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','null','2026-11-27T02:36:14.279990Z');
INSERT INTO "intent" VALUES('20261127-023614-f3ee',1,1,1,0,'p1@example.com',8213496887254735273,'1',-4979459480784000489,'','{"texts":{"email_address":"p1@example.com","first_name":"Name 1","city":"Köln","score":"1"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','{"id":"6b08ec9e5a2db0c10e000002","key":"p1@example.com","status":"SUBSCRIBED","opted_out":false,"fields":{"first_name":"Name 1","city":"Bonn","score":1,"email_address":"p1@example.com"},"tags":["vip"],"lists":null,"seen":1795746974.7188213}','2026-11-27T02:36:14.772392Z');
INSERT INTO "intent" VALUES('20261127-023614-f3ee',5,1,1,0,'p6@example.com',6602087230255695348,'6',2704922275291616943,'','{"texts":{"email_address":"p6@example.com","first_name":"Name 6","city":"Köln"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','null','2026-11-27T02:36:14.772392Z');
INSERT INTO "intent" VALUES('20261127-023614-f3ee',6,1,1,0,'p7@example.com',6560239768511888485,'7',2670861694083426057,'','{"texts":{"email_address":"p7@example.com","first_name":"Name 7","city":"Köln"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','null','2026-11-27T02:36:14.772392Z');
INSERT INTO "intent" VALUES('20261127-023614-f3ee',7,1,1,0,'p8@example.com',-6105480687480904865,'8',-8544639065698454202,'','{"texts":{"email_address":"p8@example.com","first_name":"Name 8","city":"Köln"},"tags":["vip"],"tags_off":[],"lists":[],"lists_off":[],"opted_out":false}','null','2026-11-27T02:36:14.772392Z');
CREATE TABLE lease (name text primary key, holder text not null, token bigint not null, until double precision not null);
CREATE TABLE listed (
        account integer not null, key text not null, contact_id text not null, place integer not null,
        primary key (account, key, contact_id)
    );
CREATE TABLE listing (account integer primary key, total integer not null, read_at text not null);
CREATE TABLE mapping_text (sha256 text primary key, name text not null, text text not null);
INSERT INTO "mapping_text" VALUES('5cd1bf32f7ecb78f5afeb92c1fc01d0ddbd7f881f4268d41dc8fbbad212911ff','people','name: people
source: {kind: csv_file}
destination: {kind: campaignlark}
key: email_address
person: Id
fields:
  email_address: {from: Email, type: email}
  first_name: First
  city: City
  score: {from: Score, type: integer}
tags: {from: Tags, split: ";"}
consent:
  opted_out: {from: Out, when: "yes"}
');
CREATE TABLE meta (name text primary key, value text not null);
INSERT INTO "meta" VALUES('secret','61766874960399086dcacbd671322b1932bf11127baa0916a45dcb20689e17c6');
CREATE TABLE objection (
        account integer not null, key text not null, origin text not null, said_at text not null,
        primary key (account, key, origin)
    );
INSERT INTO "objection" VALUES(1,'p2@example.com','destination','2026-11-27T02:36:14.262697Z');
INSERT INTO "objection" VALUES(1,'p3@example.com','people','2026-11-27T02:36:14.279990Z');
INSERT INTO "objection" VALUES(1,'p3@example.com','destination','2026-11-27T02:36:14.335322Z');
CREATE TABLE objector (
        account integer not null, mapping text not null, person text not null, said_at text not null,
        primary key (account, mapping, person)
    );
INSERT INTO "objector" VALUES(1,'people','3','2026-11-27T02:36:14.279990Z');
CREATE TABLE page (
        account integer not null, mapping text not null, number integer not null, entries integer not null, body blob not null,
        primary key (account, mapping, number)
    );
INSERT INTO "page" VALUES(1,'people',113,1,X'FFFFFFFFD80000001000000000000A000C000600050008000A000000000104000C0000000800080000000400080000000400000003000000740000003000000004000000A8FFFFFF0000010510000000180000000400000000000000030000006B6579000400040004000000D0FFFFFF00000102100000001C00000004000000000000000B00000066696E6765727072696E7400C6FFFFFF40000000100014000800060007000C00000010001000000000000102100000001C000000040000000000000004000000686173680000060008000400060000004000000000000000FFFFFFFF0801000014000000000000000C0018000600050008000C000C000000000304001C0000008800000000000000000000000C001C001000040008000C000C000000980000001C000000140000000100000000000000000000000400040004000000070000000000000000000000000000000000000000000000000000001F000000000000002000000000000000000000000000000020000000000000001F000000000000004000000000000000000000000000000040000000000000001F00000000000000600000000000000025000000000000000000000003000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000080000000000000004224D1860408208000080A95998E8E633FC710000000000080000000000000004224D186040820800008075DD8EE97E0962350000000000080000000000000004224D1860408208000080000000000E00000000000000000E0000000000000004224D186040820E0000807031406578616D706C652E636F6D00000000000000FFFFFFFF00000000');
INSERT INTO "page" VALUES(1,'people',125,1,X'FFFFFFFFD80000001000000000000A000C000600050008000A000000000104000C0000000800080000000400080000000400000003000000740000003000000004000000A8FFFFFF0000010510000000180000000400000000000000030000006B6579000400040004000000D0FFFFFF00000102100000001C00000004000000000000000B00000066696E6765727072696E7400C6FFFFFF40000000100014000800060007000C00000010001000000000000102100000001C000000040000000000000004000000686173680000060008000400060000004000000000000000FFFFFFFF0801000014000000000000000C0018000600050008000C000C000000000304001C0000008800000000000000000000000C001C001000040008000C000C000000980000001C000000140000000100000000000000000000000400040004000000070000000000000000000000000000000000000000000000000000001F000000000000002000000000000000000000000000000020000000000000001F000000000000004000000000000000000000000000000040000000000000001F00000000000000600000000000000025000000000000000000000003000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000080000000000000004224D18604082080000803EE0D5FA0772877D0000000000080000000000000004224D186040820800008076C9137527AB19770000000000080000000000000004224D1860408208000080000000000E00000000000000000E0000000000000004224D186040820E0000807032406578616D706C652E636F6D00000000000000FFFFFFFF00000000');
INSERT INTO "page" VALUES(1,'people',134,1,X'FFFFFFFFD80000001000000000000A000C000600050008000A000000000104000C0000000800080000000400080000000400000003000000740000003000000004000000A8FFFFFF0000010510000000180000000400000000000000030000006B6579000400040004000000D0FFFFFF00000102100000001C00000004000000000000000B00000066696E6765727072696E7400C6FFFFFF40000000100014000800060007000C00000010001000000000000102100000001C000000040000000000000004000000686173680000060008000400060000004000000000000000FFFFFFFF0801000014000000000000000C0018000600050008000C000C000000000304001C0000008800000000000000000000000C001C001000040008000C000C000000980000001C000000140000000100000000000000000000000400040004000000070000000000000000000000000000000000000000000000000000001F000000000000002000000000000000000000000000000020000000000000001F000000000000004000000000000000000000000000000040000000000000001F00000000000000600000000000000025000000000000000000000003000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000080000000000000004224D186040820800008091591A2576C780860000000000080000000000000004224D1860408208000080B642D83A5B619C440000000000080000000000000004224D1860408208000080000000000E00000000000000000E0000000000000004224D186040820E0000807034406578616D706C652E636F6D00000000000000FFFFFFFF00000000');
INSERT INTO "page" VALUES(1,'people',137,1,X'FFFFFFFFD80000001000000000000A000C000600050008000A000000000104000C0000000800080000000400080000000400000003000000740000003000000004000000A8FFFFFF0000010510000000180000000400000000000000030000006B6579000400040004000000D0FFFFFF00000102100000001C00000004000000000000000B00000066696E6765727072696E7400C6FFFFFF40000000100014000800060007000C00000010001000000000000102100000001C000000040000000000000004000000686173680000060008000400060000004000000000000000FFFFFFFF0801000014000000000000000C0018000600050008000C000C000000000304001C0000008800000000000000000000000C001C001000040008000C000C000000980000001C000000140000000100000000000000000000000400040004000000070000000000000000000000000000000000000000000000000000001F000000000000002000000000000000000000000000000020000000000000001F000000000000004000000000000000000000000000000040000000000000001F00000000000000600000000000000025000000000000000000000003000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000080000000000000004224D186040820800008042AD394DAD3920890000000000080000000000000004224D1860408208000080D76555AD40BA5DDF0000000000080000000000000004224D1860408208000080000000000E00000000000000000E0000000000000004224D186040820E0000807033406578616D706C652E636F6D00000000000000FFFFFFFF00000000');
CREATE TABLE run (
        id text primary key,
        account integer not null references account (id),
        mapping text not null, mapping_sha256 text not null,
        verb text not null,
        source_path text not null, source_sha256 text not null default '', rows_read integer not null default 0,
        started_at text not null, finished_at text, state text not null, exit_code integer,
        folder text not null, flow_run text not null default '', follows text not null default '',
        summary text not null default ''
    , mapping_path text not null default '', begun text not null default '', undoes text not null default '', kept integer not null default 1);
INSERT INTO "run" VALUES('20261127-023614-6daa',1,'people','5cd1bf32f7ecb78f5afeb92c1fc01d0ddbd7f881f4268d41dc8fbbad212911ff','sync','/home/ann/people.csv','fcc967fa416cbedc01e413ad677df46d72434738aeb80d082175047952219edb',5,'2026-11-27T02:36:14.056154Z','2026-11-27T02:36:14.526596Z','needs_review',1,'/home/ann/home/runs/20261127-023614-6daa','','','{"schema_version": "1", "run_id": "20261127-023614-6daa", "mapping": {"name": "people", "sha256": "5cd1bf32f7ecb78f5afeb92c1fc01d0ddbd7f881f4268d41dc8fbbad212911ff"}, "source": {"path": "/home/ann/people.csv", "sha256": "fcc967fa416cbedc01e413ad677df46d72434738aeb80d082175047952219edb", "rows_read": 5}, "destination": {"kind": "campaignlark", "account": "main", "base_url": "http://127.0.0.1:0/v1"}, "started_at": "2026-11-27T02:36:14.003919Z", "finished_at": "2026-11-27T02:36:14.349329Z", "status": "finished", "outcomes": {"created": 3, "updated": 1, "upserted": 0, "unchanged": 0, "filtered": 0, "duplicate": 0, "protected": 0, "invalid": 1, "refused": 0, "failed": 0, "unknown": 0, "unsent": 0}, "balanced": true, "problems": [{"code": "email_syntax", "severity": "error", "state": "new", "column": "Email", "count": 1, "new": null, "rows": [5], "fix": "Correct the address in Email."}], "previous": null, "warnings": {}, "guards": [{"name": "empty_source", "count": 0, "share": 0.0, "limit_share": 0.0, "floor": 0, "tripped": false, "allowed": false, "limit_of": "default", "typed": false, "allowed_count": null}, {"name": "shrunk", "count": 0, "share": 0.0, "limit_share": 0.2, "floor": 50, "tripped": false, "allowed": false, "limit_of": "default", "typed": false, "allowed_count": null}, {"name": "invalid", "count": 1, "share": 0.2, "limit_share": 0.2, "floor": 50, "tripped": false, "allowed": false, "limit_of": "default", "typed": false, "allowed_count": null}, {"name": "changes", "count": 4, "share": 0.8, "limit_share": 0.5, "floor": 200, "tripped": false, "allowed": false, "limit_of": "default", "typed": false, "allowed_count": null}, {"name": "opt_outs", "count": 0, "share": 0.0, "limit_share": 0.02, "floor": 20, "tripped": false, "allowed": false, "limit_of": "default", "typed": false, "allowed_count": null}, {"name": "resubscribes", "count": 0, "share": 0.0, "limit_share": 0.02, "floor": 20, "tripped": false, "allowed": false, "limit_of": "default", "typed": false, "allowed_count": null}, {"name": "failures", "count": 0, "share": 0.0, "limit_share": 0.2, "floor": 50, "tripped": false, "allowed": false, "limit_of": "default", "typed": false, "allowed_count": null}], "overrides": [], "override_details": [], "mapping_edited": null, "kept_differently": {}, "vanished": null, "vanished_details": null, "requests": {"sent": 18, "retried": 0, "throttled": 0, "p50_ms": 1.2, "p95_ms": 2.2}, "pace": {"allowed_per_second": 100.0, "achieved_per_second": 58.0375}, "consent": {"protected": 0, "opted_out": 1, "subscribed_again": 0}, "automations": {"FIELD_UPDATED": 2, "TAG_ADDED": 1}, "automation_reasons": {"FIELD_UPDATED": {"city": 1, "first_name": 1}, "TAG_ADDED": {"vip": 1}}, "rehearsal": null, "interruptions": [], "accepted": 0, "corrected": {"cells": 0, "rows": 0, "columns": {}}, "exit_code": 1, "follows": null, "undoes": null, "acts_on": null, "undoable": {"updated": 1, "created": 3, "deletes": false, "not_known": 0, "opted_out": 1}}','/home/ann/people.yml','{"options": {"limit": null, "only": null, "resend": null, "allow": [], "who": "", "why": "", "opt_outs_only": false, "corrections": true, "undo_tag": "", "unsubscribe_created": false}, "guards": [{"name": "empty_source", "count": 0, "share": 0.0, "limit_share": 0.0, "floor": 0, "tripped": false, "allowed": false, "says": "the file has a header and no rows", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "shrunk", "count": 0, "share": 0.0, "limit_share": 0.2, "floor": 50, "tripped": false, "allowed": false, "says": "rows are missing that the last complete run had", "asked": false, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "invalid", "count": 1, "share": 0.2, "limit_share": 0.2, "floor": 50, "tripped": false, "allowed": false, "says": "rows are invalid", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "changes", "count": 4, "share": 0.8, "limit_share": 0.5, "floor": 200, "tripped": false, "allowed": false, "says": "contacts would be written", "asked": false, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "opt_outs", "count": 0, "share": 0.0, "limit_share": 0.02, "floor": 20, "tripped": false, "allowed": false, "says": "contacts that may be mailed now would be unsubscribed", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "resubscribes", "count": 0, "share": 0.0, "limit_share": 0.02, "floor": 20, "tripped": false, "allowed": false, "says": "people who opted out would be subscribed again", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}], "permissions": [], "edited": null, "new_columns": [], "reading": {"encoding": "UTF-8", "delimiter": "comma (,)", "quote": "double quote (\")", "escape": "doubled quote", "header_line": "1", "line_endings": "LF (Unix)"}, "oddities": [], "today": "2026-11-27", "attempt": 1, "surveyed": true}','',1);
INSERT INTO "run" VALUES('20261127-023614-f3ee',1,'people','5cd1bf32f7ecb78f5afeb92c1fc01d0ddbd7f881f4268d41dc8fbbad212911ff','sync','/home/ann/people.csv','a4947450a8b0f697de165515aad498d67cf3119ef9c82384ca0d7ec3c763329e',7,'2026-11-27T02:36:14.569241Z',NULL,'running',NULL,'/home/ann/home/runs/20261127-023614-f3ee','','','','/home/ann/people.yml','{"options": {"limit": null, "only": null, "resend": null, "allow": [], "who": "", "why": "", "opt_outs_only": false, "corrections": true, "undo_tag": "", "unsubscribe_created": false}, "guards": [{"name": "empty_source", "count": 0, "share": 0.0, "limit_share": 0.0, "floor": 0, "tripped": false, "allowed": false, "says": "the file has a header and no rows", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "shrunk", "count": 0, "share": 0.0, "limit_share": 0.2, "floor": 50, "tripped": false, "allowed": false, "says": "rows are missing that the last complete run had", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "invalid", "count": 0, "share": 0.0, "limit_share": 0.2, "floor": 50, "tripped": false, "allowed": false, "says": "rows are invalid", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "changes", "count": 4, "share": 0.5714285714285714, "limit_share": 0.5, "floor": 200, "tripped": false, "allowed": false, "says": "contacts would be written", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "opt_outs", "count": 0, "share": 0.0, "limit_share": 0.02, "floor": 20, "tripped": false, "allowed": false, "says": "contacts that may be mailed now would be unsubscribed", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}, {"name": "resubscribes", "count": 0, "share": 0.0, "limit_share": 0.02, "floor": 20, "tripped": false, "allowed": false, "says": "people who opted out would be subscribed again", "asked": true, "typed": false, "own": false, "allowed_count": null, "default_trips": false}], "permissions": [], "edited": null, "new_columns": [], "reading": {"encoding": "UTF-8", "delimiter": "comma (,)", "quote": "double quote (\")", "escape": "doubled quote", "header_line": "1", "line_endings": "LF (Unix)"}, "oddities": [], "today": "2026-11-27", "attempt": 1, "surveyed": true}','',1);
CREATE TABLE stretch (
        run text not null, number integer not null, began_at text not null, ended_at text, ending text not null default '',
        answers integer not null default 0, unclear integer not null default 0,
        sent integer not null default 0, retried integer not null default 0, throttled integer not null default 0,
        primary key (run, number)
    );
INSERT INTO "stretch" VALUES('20261127-023614-6daa',1,'2026-11-27T02:36:14.056795Z','2026-11-27T02:36:14.339618Z','finished',0,0,18,0,0);
INSERT INTO "stretch" VALUES('20261127-023614-f3ee',1,'2026-11-27T02:36:14.570431Z',NULL,'',0,0,15,0,0);
CREATE TABLE told (
        account text not null, mapping text not null, receiver text not null, path text not null, state text not null,
        run text not null default '', since text not null, told_at text not null,
        primary key (account, mapping, receiver)
    );
CREATE TABLE vanished (
        account integer not null, mapping text not null, key text not null, person text not null default '',
        since text not null, run text not null, done text not null default '',
        primary key (account, mapping, key)
    );
CREATE INDEX run_of_mapping on run (account, mapping, started_at);
CREATE INDEX delivered_person on delivered (account, mapping, person);
COMMIT;
