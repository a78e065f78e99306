-- A run store of version 2, as Longshore 0.1 wrote it. It is never changed: later versions must read it.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1280265799;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE alerts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL,
        flow TEXT NOT NULL,
        step TEXT NOT NULL,
        kind TEXT NOT NULL,
        severity TEXT NOT NULL,
        time REAL NOT NULL,
        run_id TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        text TEXT NOT NULL,
        body TEXT NOT NULL
    );
INSERT INTO "alerts" VALUES(4,'slack:#data','nightly','clean','failed','error',1004.0,'5f2b01c4-0000-4000-8000-000000000001',1,'OSError: it''s broken','{"attempt": 1}');
INSERT INTO "alerts" VALUES(5,'mail:ops','','','late','warning',1005.0,'',-1,'','');
CREATE TABLE channels (
        channel TEXT PRIMARY KEY,
        token TEXT NOT NULL,
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        namespace TEXT NOT NULL,
        pid INTEGER NOT NULL,
        pid_started INTEGER NOT NULL,
        until REAL NOT NULL,
        until_wall REAL NOT NULL,
        since REAL NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "channels" VALUES('slack:#data','a token','host','a boot','pid:[1]',7,8,100.0,1010.0,1000.0);
CREATE TABLE incidents (
        id INTEGER PRIMARY KEY,
        incident TEXT NOT NULL UNIQUE,
        channel TEXT NOT NULL,
        flow TEXT NOT NULL,
        step TEXT NOT NULL,
        open INTEGER NOT NULL,
        waiting INTEGER NOT NULL,
        opened REAL NOT NULL,
        updated REAL NOT NULL,
        body TEXT NOT NULL
    );
INSERT INTO "incidents" VALUES(1,'c1','slack:#data','nightly','load',1,0,990.0,995.0,'{"status": "failed"}');
INSERT INTO "incidents" VALUES(2,'c2','slack:#data','nightly','report',0,1,980.0,996.0,'{}');
CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        key TEXT NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        serial INTEGER NOT NULL,
        state TEXT NOT NULL,
        time REAL NOT NULL,
        cursor TEXT NOT NULL,
        handle TEXT NOT NULL,
        task TEXT NOT NULL
    );
INSERT INTO "jobs" VALUES(1,1,'key-1','load',-1,1,1,'submitted',1002.0,'line 3','"c1"','{"image": "x"}');
CREATE TABLE leases (
        run INTEGER PRIMARY KEY,
        token TEXT NOT NULL,
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        namespace TEXT NOT NULL,
        pid INTEGER NOT NULL,
        pid_started INTEGER NOT NULL,
        until REAL NOT NULL,
        until_wall REAL NOT NULL,
        since REAL NOT NULL
    );
INSERT INTO "leases" VALUES(3,'a lost token','old-host','11111111-1111-4111-8111-111111111111','pid:[4026531836]',4242,777,50.0,3020.0,3000.5);
CREATE TABLE lines (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        time REAL NOT NULL,
        level INTEGER NOT NULL,
        text TEXT NOT NULL
    );
INSERT INTO "lines" VALUES(1,1,'clean',0,2,1002.5,20,'it''s cleaned');
CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL UNIQUE,
        flow TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        due REAL,
        tries INTEGER NOT NULL,
        schedule TEXT NOT NULL,
        cancel TEXT NOT NULL,
        target TEXT NOT NULL,
        tags TEXT NOT NULL,
        message TEXT NOT NULL,
        parameters TEXT NOT NULL,
        fingerprint TEXT NOT NULL
    );
INSERT INTO "runs" VALUES(1,'5f2b01c4-0000-4000-8000-000000000001','nightly','the first','Running',1000.0,1001.0,NULL,NULL,1,'','','/srv/flows.py:nightly','["dwh", "daily"]','','{"day": "2013-01-02"}','{"load": "ab12"}');
INSERT INTO "runs" VALUES(2,'9c0de000-0000-4000-8000-000000000002','hourly','','Scheduled',2000.0,NULL,NULL,9000.0,0,'0 * * * *','','','[]','','{}','{}');
INSERT INTO "runs" VALUES(3,'c0ffee00-0000-4000-8000-000000000003','nightly','','Running',3000.0,3001.0,NULL,NULL,1,'','','','[]','','{}','{}');
CREATE TABLE slots (
        name TEXT NOT NULL,
        run INTEGER NOT NULL,
        holder TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (name, run, holder)
    ) WITHOUT ROWID;
INSERT INTO "slots" VALUES('dwh',3,'load',2);
CREATE TABLE steps (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        state TEXT NOT NULL,
        message TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        began REAL,
        ended REAL,
        due REAL,
        serializer TEXT,
        place TEXT,
        size INTEGER,
        digest TEXT,
        text TEXT,
        error TEXT NOT NULL,
        traceback TEXT NOT NULL
    );
INSERT INTO "steps" VALUES(1,1,'load',-1,'Running','',1,1001.5,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'','');
INSERT INTO "steps" VALUES(2,1,'clean',0,'Success','done',2,NULL,1003.0,NULL,'json','',6,'','[1, 2]','','');
INSERT INTO "steps" VALUES(3,1,'clean',1,'Failed','no',1,NULL,1004.0,NULL,NULL,NULL,NULL,NULL,NULL,'OSError: no','Traceback ...');
INSERT INTO "steps" VALUES(4,1,'report',-1,'Success','',1,NULL,1004.5,NULL,'pickle','a/b.pickle',9,'cd','','','');
CREATE TABLE transitions (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        step TEXT NOT NULL,
        map_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        state TEXT NOT NULL,
        message TEXT NOT NULL,
        time REAL NOT NULL,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
INSERT INTO "transitions" VALUES(1,1,'',-1,1,'Running','',1001.0);
INSERT INTO "transitions" VALUES(1,2,'load',-1,1,'Running','',1001.5);
INSERT INTO "transitions" VALUES(1,3,'clean',0,2,'Success','done',1003.0);
INSERT INTO "transitions" VALUES(1,4,'clean',1,1,'Failed','no',1004.0);
INSERT INTO "transitions" VALUES(1,5,'report',-1,1,'Success','',1004.5);
INSERT INTO "transitions" VALUES(3,1,'',-1,1,'Running','',3001.0);
CREATE INDEX runs_by_creation ON runs (created);
CREATE INDEX runs_by_state ON runs (state, created);
CREATE UNIQUE INDEX steps_by_run ON steps (run, step, map_index);
CREATE UNIQUE INDEX jobs_by_run ON jobs (run, key);
CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('intended', 'submitted');
CREATE INDEX lines_by_attempt ON lines (run, step, map_index, attempt);
CREATE INDEX alerts_by_channel ON alerts (channel);
CREATE INDEX incidents_by_channel ON incidents (channel);
CREATE INDEX incidents_waiting ON incidents (channel) WHERE waiting;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',3);
INSERT INTO "sqlite_sequence" VALUES('alerts',5);
COMMIT;
