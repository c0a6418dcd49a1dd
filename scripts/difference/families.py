"""The commands by family, as templates; a line that begins with a number has that weight.

Families of `BATCHES` are sent as pipelines on one connection. Those of `SESSIONS` are sent step by step over several connections, because what they
do shows on other connections or not at once.
"""
from .described import all_described
from .grammar import Template
from .lua import Script

EXPIRE_OPTION = "[EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | KEEPTTL]"
LIMIT = "[LIMIT <index> <few>]"

AROUND = "(FROMMEMBER <e> | FROMLONLAT <lon> <lat>)"
SHAPE = "(BYRADIUS <length> <unit> | BYBOX <length> <length> <unit>)"
GEO_ORDER = "[ASC | DESC] [COUNT <pcount> [ANY]]"
GEO_DETAILS = "[WITHDIST] [WITHHASH] [WITHCOORD]"

TEXT = {
    "string": f"""
4 SET <k> <v>
3 SET <k> <v> [NX | XX] [GET] {EXPIRE_OPTION}
SET <k> <v> {EXPIRE_OPTION} [GET] [XX | NX] {EXPIRE_OPTION}
2 GET <k>
SETNX <k> <v>
SETEX <k> <sec> <v>
PSETEX <k> <ms> <v>
GETSET <k> <v>
GETDEL <k>
GETEX <k> [EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | PERSIST]
MGET (<k>)+
MSET (<k> <v>)+
MSETNX (<k> <v>)+
2 APPEND <k> <v>
STRLEN <k>
GETRANGE <k> <index> <index>
SUBSTR <k> <index> <index>
2 SETRANGE <k> <offset> <v>
2 INCR <k>
DECR <k>
2 INCRBY <k> <int>
DECRBY <k> <int>
3 INCRBYFLOAT <k> <float>
LCS <k> <k> [LEN | IDX] [MINMATCHLEN <count>] [WITHMATCHLEN] [IDX]
""",
    "bitmap": """
4 SETBIT <k.bits> <bit> (0 | 1)
SETBIT <k.bits> <bit> <int>
2 GETBIT <k.bits> <bit>
2 BITCOUNT <k.bits> [<index> <index> [BYTE | BIT | <word>]]
BITCOUNT <k.bits> <int> <int> BIT
2 BITPOS <k.bits> (0 | 1) [<index> [<index> [BYTE | BIT | <word>]]]
BITPOS <k.bits> (0 | 1) <int> <int> BIT
BITPOS <k.bits> <int>
3 BITOP (AND | OR | XOR) <k.bits> (<k.bits>)+
BITOP NOT <k.bits> <k.bits>
BITOP (NOT | <word>) <k.bits> (<k.bits>)+
2 BITFIELD <k.bits> (GET <field> <fieldbit>)+
3 BITFIELD <k.bits> (SET <field> <fieldbit> <int> | INCRBY <field> <fieldbit> <int> | GET <field> <fieldbit>)+
3 BITFIELD <k.bits> (OVERFLOW (WRAP | SAT | FAIL | FAIL | <word>) INCRBY <field> <fieldbit> <int> | OVERFLOW FAIL SET <field> <fieldbit> <int>)+
BITFIELD_RO <k.bits> (GET <field> <fieldbit>)+
BITFIELD_RO <k.bits> GET <field> <fieldbit> [SET <field> <fieldbit> <int>]
3 SET <k.bits> <v>
SET <k.bits> <v> PX 5000000
APPEND <k.bits> <v>
SETRANGE <k.bits> <offset> <v>
GET <k.bits>
COPY <k.bits> <k.bits> REPLACE
2 OBJECT ENCODING <k.bits>
STRLEN <k.bits>
DUMP <k.bits>
RPUSH <k.list> <e>
COMMAND GETKEYSANDFLAGS BITFIELD <k.bits> (GET <field> <fieldbit> | SET <field> <fieldbit> <int> | OVERFLOW SAT | <word>)+
""",
    "hyperloglog": r"""
5 PFADD <k.hll> (<e>)+
2 PFADD <k.hll> (<many>)+
PFADD <k.hll>
3 PFCOUNT <k.hll>
2 PFCOUNT (<k.hll>)+
2 PFMERGE <k.hll> (<k.hll>)+
PFMERGE <k.hll>
3 PFDEBUG DECODE <k.hll>
2 PFDEBUG ENCODING <k.hll>
PFDEBUG TODENSE <k.hll>
PFDEBUG GETREG <k.hll>
PFDEBUG <word> <k.hll>
3 DUMP <k.hll>
GET <k.hll>
STRLEN <k.hll>
OBJECT ENCODING <k.hll>
SET <k.hll> <v>
2 SETRANGE <k.hll> <hllbyte> <e>
APPEND <k.hll> <e>
COPY <k.hll> <k.hll> REPLACE
EXPIRE <k.hll> <sec>
RPUSH <k.list> <e>
CONFIG SET hll-sparse-max-bytes (0 | 18 | 30 | 60 | 200 | 3000)
""",
    "list": """
3 RPUSH <k> (<e>)+
3 LPUSH <k> (<e>)+
RPUSHX <k> (<e>)+
LPUSHX <k> (<e>)+
LPOP <k> [<count>]
RPOP <k> [<count>]
LLEN <k>
2 LINDEX <k> <index>
2 LSET <k> <index> <e>
2 LRANGE <k> <index> <index>
LTRIM <k> <index> <index>
LREM <k> <int> <e>
2 LINSERT <k> (BEFORE | AFTER) <e> <e>
LPOS <k> <e> [RANK <int>] [COUNT <count>] [MAXLEN <count>]
RPOPLPUSH <k> <k>
LMOVE <k> <k> (LEFT | RIGHT) (LEFT | RIGHT)
LMPOP <nkeys> (LEFT | RIGHT) [COUNT <pcount>]
BLPOP (<k>)+ <timeout>
BRPOP (<k>)+ <timeout>
BLMOVE <k> <k> (LEFT | RIGHT) (LEFT | RIGHT) <timeout>
BRPOPLPUSH <k> <k> <timeout>
BLMPOP <timeout> <nkeys> (LEFT | RIGHT) [COUNT <pcount>]
""",
    "set": """
4 SADD <k> (<e>)+
SREM <k> (<e>)+
SCARD <k>
SISMEMBER <k> <e>
SMISMEMBER <k> (<e>)+
2 SMEMBERS <k>
SMOVE <k> <k> <e>
SINTER (<k>)+
SUNION (<k>)+
SDIFF (<k>)+
SINTERSTORE <k> (<k>)+
SUNIONSTORE <k> (<k>)+
SDIFFSTORE <k> (<k>)+
SINTERCARD <nkeys> [LIMIT <count>]
SPOP <k> [<count>]
SRANDMEMBER <k> [<few>]
SSCAN <k> 0 [MATCH <pattern>] [COUNT (100000 | 100000 | <pcount>)]
""",
    "hash": """
4 HSET <k> (<e> <v>)+
HSETNX <k> <e> <v>
HGET <k> <e>
HMGET <k> (<e>)+
HMSET <k> (<e> <v>)+
2 HGETALL <k>
HKEYS <k>
HVALS <k>
HLEN <k>
2 HDEL <k> (<e>)+
HEXISTS <k> <e>
HSTRLEN <k> <e>
2 HINCRBY <k> <e> <int>
2 HINCRBYFLOAT <k> <e> <float>
HRANDFIELD <k> [<few>] [WITHVALUES]
HSCAN <k> 0 [MATCH <pattern>] [COUNT (100000 | 100000 | <pcount>)] [NOVALUES]
""",
    "fieldttl": """
4 HSET <k.hash> (<e> <v>)+
HSETNX <k.hash> <e> <v>
HEXPIRE <k.hash> <sec> [NX | XX | GT | LT] FIELDS <count> (<e>)+
2 HEXPIRE <k.hash> <sec> [NX | XX | GT | LT] FIELDS 2 <e> <e>
2 HPEXPIRE <k.hash> <ms> [NX | XX | GT | LT] FIELDS 1 <e>
2 HEXPIREAT <k.hash> <at> [NX | XX | GT | LT] FIELDS 1 <e>
2 HPEXPIREAT <k.hash> <atms> [NX | XX | GT | LT] FIELDS 2 <e> <e>
2 HTTL <k.hash> FIELDS 1 <e>
HPTTL <k.hash> FIELDS 2 <e> <e>
2 HEXPIRETIME <k.hash> FIELDS 1 <e>
2 HPEXPIRETIME <k.hash> FIELDS 2 <e> <e>
2 HPERSIST <k.hash> FIELDS 1 <e>
HPERSIST <k.hash> FIELDS <count> (<e>)+
2 HGETDEL <k.hash> FIELDS 1 <e>
HGETDEL <k.hash> FIELDS <count> (<e>)+
2 HGETEX <k.hash> [EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | PERSIST] FIELDS 1 <e>
HGETEX <k.hash> [EX <sec> | PERSIST] FIELDS <count> (<e>)+
2 HSETEX <k.hash> [FNX | FXX] [EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | KEEPTTL] FIELDS 1 <e> <v>
HSETEX <k.hash> [EX <sec> | KEEPTTL | EX <sec>] [FNX | FXX | KEEPTTL] FIELDS <count> (<e> <v>)+
HINCRBY <k.hash> <e> <int>
HINCRBYFLOAT <k.hash> <e> <float>
HDEL <k.hash> (<e>)+
HLEN <k.hash>
HMGET <k.hash> (<e>)+
HGETALL <k.hash>
HRANDFIELD <k.hash> [<few>] [WITHVALUES]
HSCAN <k.hash> 0 [COUNT 100000]
COPY <k> <k> [REPLACE]
RENAME <k> <k>
OBJECT ENCODING <k.hash>
DEBUG DIGEST-VALUE <k.hash>
""",
    "zset": f"""
5 ZADD <k> (<score> <e>)+
2 ZADD <k> [NX | XX] [GT | LT] [CH] (<score> <e>)+
ZADD <k> [XX | NX] [CH] INCR <score> <e>
ZINCRBY <k> <score> <e>
2 ZREM <k> (<e>)+
ZCARD <k>
ZSCORE <k> <e>
ZMSCORE <k> (<e>)+
ZRANK <k> <e> [WITHSCORE]
ZREVRANK <k> <e> [WITHSCORE]
2 ZRANGE <k> <index> <index> [REV] [WITHSCORES]
ZRANGE <k> <scorebound> <scorebound> BYSCORE [REV] {LIMIT} [WITHSCORES]
ZRANGE <k> <lexbound> <lexbound> BYLEX [REV] {LIMIT}
ZRANGESTORE <k> <k> <index> <index> [REV]
ZRANGESTORE <k> <k> <scorebound> <scorebound> BYSCORE [REV] {LIMIT}
ZRANGESTORE <k> <k> <lexbound> <lexbound> BYLEX [REV] {LIMIT}
ZREVRANGE <k> <index> <index> [WITHSCORES]
ZRANGEBYSCORE <k> <scorebound> <scorebound> [WITHSCORES] {LIMIT}
ZREVRANGEBYSCORE <k> <scorebound> <scorebound> [WITHSCORES] {LIMIT}
ZRANGEBYLEX <k> <lexbound> <lexbound> {LIMIT}
ZREVRANGEBYLEX <k> <lexbound> <lexbound> {LIMIT}
ZCOUNT <k> <scorebound> <scorebound>
ZLEXCOUNT <k> <lexbound> <lexbound>
ZREMRANGEBYRANK <k> <index> <index>
ZREMRANGEBYSCORE <k> <scorebound> <scorebound>
ZREMRANGEBYLEX <k> <lexbound> <lexbound>
ZPOPMIN <k> [<count>]
ZPOPMAX <k> [<count>]
ZMPOP <nkeys> (MIN | MAX) [COUNT <pcount>]
BZPOPMIN (<k>)+ <timeout>
BZPOPMAX (<k>)+ <timeout>
BZMPOP <timeout> <nkeys> (MIN | MAX) [COUNT <pcount>]
ZUNION <nkeys> [WEIGHTS (<weight>)+] [AGGREGATE (SUM | MIN | MAX)] [WITHSCORES]
ZINTER <nkeys> [WEIGHTS (<weight>)+] [AGGREGATE (SUM | MIN | MAX)] [WITHSCORES]
ZDIFF <nkeys> [WITHSCORES]
ZUNIONSTORE <k> <nkeys> [WEIGHTS (<weight>)+] [AGGREGATE (SUM | MIN | MAX)]
ZINTERSTORE <k> <nkeys> [WEIGHTS (<weight>)+] [AGGREGATE (SUM | MIN | MAX)]
ZDIFFSTORE <k> <nkeys>
ZUNIONSTORE <k> 2 <k.set> <k.zset> [WEIGHTS <weight> <weight>] [AGGREGATE (SUM | MIN | MAX)]
ZINTERSTORE <k> 2 <k.zset> <k.set> [WEIGHTS <weight> <weight>] [AGGREGATE (SUM | MIN | MAX)]
ZINTERCARD <nkeys> [LIMIT <count>]
SADD <k.set> (<e>)+
ZRANDMEMBER <k> [<few>] [WITHSCORES]
ZSCAN <k> 0 [MATCH <pattern>] [COUNT (100000 | 100000 | <pcount>)]
""",
    "stream": """
6 XADD <k> <newid> (<e> <v>)+
2 XADD <k> [NOMKSTREAM] [(MAXLEN | MINID) [= | ~] <count> [LIMIT <count>]] <newid> (<e> <v>)+
XLEN <k>
2 XRANGE <k> <idbound> <idbound> [COUNT <count>]
2 XREVRANGE <k> <idbound> <idbound> [COUNT <count>]
2 XDEL <k> (<sid>)+
2 XTRIM <k> MAXLEN [= | ~] <count> [LIMIT <count>]
2 XTRIM <k> MINID [= | ~] <sid> [LIMIT <count>]
XSETID <k> <sid> [ENTRIESADDED <count>] [MAXDELETEDID <sid>]
3 XREAD [COUNT <count>] STREAMS <readids>
XREAD [BLOCK <word>] [NOACK] [GROUP <group> <consumer>] [COUNT <count>] STREAMS <readids>
4 XGROUP CREATE <k> <group> (0 | 0 | $ | <sid>) [MKSTREAM] [ENTRIESREAD <count>]
XGROUP SETID <k> <group> (0 | $ | <idbound>) [ENTRIESREAD <count>]
XGROUP DESTROY <k> <group>
XGROUP CREATECONSUMER <k> <group> <consumer>
XGROUP DELCONSUMER <k> <group> <consumer>
XGROUP <word> <k> <group>
6 XREADGROUP GROUP <group> <consumer> [COUNT <count>] [NOACK] STREAMS <groupids>
2 XACK <k> <group> (<sid>)+
XPENDING <k> <group>
2 XPENDING <k> <group> [IDLE (0 | 0 | 100000 | <int>)] <idbound> <idbound> <count> [<consumer>]
3 XCLAIM <k> <group> <consumer> (0 | 0 | 0 | 100000 | <int>) (<sid>)+ [IDLE <count>] [TIME <atms>] [RETRYCOUNT <count>] [FORCE] [JUSTID] [LASTID <sid>]
2 XAUTOCLAIM <k> <group> <consumer> (0 | 0 | 0 | 100000 | <int>) <idbound> [COUNT <pcount>] [JUSTID]
2 XINFO STREAM <k>
3 XINFO STREAM <k> FULL [COUNT <count>]
2 XINFO GROUPS <k>
2 XINFO CONSUMERS <k> <group>
XINFO <word> <k>
COPY <k> <k> [REPLACE]
@restore <k> <k>
DEL <k>
TYPE <k>
""",
    "geo": f"""
6 GEOADD <k.zset> (<lon> <lat> <e>)+
GEOADD <k.zset> [NX | XX] [CH] [XX] (<lon> <lat> <e>)+
ZADD <k.zset> <score> <e>
GEOPOS <k.zset> (<e>)*
GEOHASH <k.zset> (<e>)*
2 GEODIST <k.zset> <e> <e> [<unit>]
3 GEOSEARCH <k.zset> {AROUND} {SHAPE} {GEO_DETAILS} {GEO_ORDER}
GEOSEARCH <k.zset> {SHAPE} {GEO_ORDER} {AROUND} {GEO_DETAILS}
2 GEOSEARCHSTORE <k> <k.zset> {AROUND} {SHAPE} {GEO_ORDER} [STOREDIST]
2 GEORADIUS <k.zset> <lon> <lat> <length> <unit> {GEO_DETAILS} {GEO_ORDER} [STORE <k> | STOREDIST <k>]
GEORADIUS_RO <k.zset> <lon> <lat> <length> <unit> {GEO_DETAILS} {GEO_ORDER}
2 GEORADIUSBYMEMBER <k.zset> <e> <length> <unit> {GEO_DETAILS} {GEO_ORDER} [STORE <k> | STOREDIST <k>]
GEORADIUSBYMEMBER_RO <k.zset> <e> <length> <unit> {GEO_DETAILS} {GEO_ORDER}
ZRANGE <k.zset> 0 -1 WITHSCORES
DEL <k>
""",
    "sort": """
4 RPUSH <k.list> (<v>)+
3 SADD <k.set> (<v>)+
3 RPUSH <k.list> (<int>)+
3 MSET (w_<few> <v>)+
2 HSET h_<few> f <v> g <v>
SET l1 <v>
6 SORT <k.list> [ALPHA] [ASC | DESC] [LIMIT <index> <few>]
4 SORT <k.list> [BY (w_* | h_*->f | nosort | <pattern>)] [LIMIT <index> <few>] [GET #] [GET w_*] [GET h_*->g] [ASC | DESC]
2 SORT <k.set> [ALPHA] [DESC] [LIMIT <index> <few>] [STORE <k>]
SORT <k.list> ALPHA BY w_* [GET #]
SORT <k.list> STORE <k.list> [ALPHA] [BY w_*]
SORT <any> [GET (<pattern> | # | w_*)] [STORE <any>] [BY nosort]
2 SORT_RO <any> [ALPHA] [DESC] [LIMIT <index> <few>] [GET <pattern>]
LRANGE <k.list> 0 -1
DEL <any>
COMMAND GETKEYS SORT <k> [LIMIT <few> <few>] [STORE <k>] [BY <pattern>] [GET STORE] [STORE <k>]
""",
    "newer": f"""
3 SET <k.string> <v>
3 SET <k.string> <v> (IFEQ | IFNE) <v> [GET] {EXPIRE_OPTION}
SET <k.string> <v> {EXPIRE_OPTION} [GET] (IFDEQ | IFDNE) (0123456789abcdef | 2d06800538d394c2)
SET <k.string> <v> {EXPIRE_OPTION} (IFDEQ | IFDNE) <e>
2 DELEX <k.string> [(IFEQ | IFNE) <v>]
DELEX <k.string> (IFDEQ | IFDNE | <word>) (0123456789abcdef | <e>)
DIGEST <k.string>
2 MSETEX 2 <k.string> <v> <k.string> <v> [NX | XX] {EXPIRE_OPTION}
MSETEX <count> (<k.string> <v>)+ {EXPIRE_OPTION} [NX | XX]
GET <k.string>
RPUSH <k.list> <e>
""",
    "polygon": f"""
6 GEOADD <k.zset> (<corner> <e>)+
4 GEOSEARCH <k.zset> BYPOLYGON 3 <corner> <corner> <corner> [WITHDIST] [WITHHASH] {GEO_ORDER}
4 GEOSEARCH <k.zset> BYPOLYGON 4 <corner> <corner> <corner> <corner> [WITHDIST] [WITHHASH] {GEO_ORDER}
GEOSEARCH <k.zset> {GEO_ORDER} BYPOLYGON <count> (<corner>)+ (<corner>)+ (<corner>)+ [WITHDIST] [WITHHASH] [{SHAPE} | {AROUND}]
2 GEOSEARCHSTORE <k> <k.zset> BYPOLYGON 3 <corner> <corner> <corner> {GEO_ORDER} [STOREDIST]
""",
    "generic": """
DEL (<k>)+
UNLINK (<k>)+
EXISTS (<k>)+
2 TYPE <k>
2 RENAME <k> <k>
RENAMENX <k> <k>
2 COPY <k> <k> [DB <db>] [REPLACE]
MOVE <k> <db>
TOUCH (<k>)+
KEYS <pattern>
RANDOMKEY
DBSIZE
2 OBJECT ENCODING <k>
OBJECT REFCOUNT <k>
OBJECT FREQ <k>
OBJECT HELP
OBJECT <word> <k>
2 SELECT <db>
SWAPDB <db> <db>
FLUSHDB [SYNC | ASYNC]
FLUSHALL [SYNC | ASYNC]
SCAN 0 [MATCH <pattern>] [COUNT (100000 | 100000 | <pcount>)] [TYPE (string | list | set | zset | hash | stream | <word>)]
2 DUMP <k>
2 @restore <k> <k>
RESTORE <k> <ms> <word> [REPLACE] [ABSTTL] [IDLETIME <count>] [FREQ <count>]
3 SET <k.string> <v>
2 RPUSH <k.list> (<e>)+
2 SADD <k.set> (<e>)+
2 HSET <k.hash> (<e> <v>)+
2 ZADD <k.zset> (<score> <e>)+
EXPIRE <k> <sec>
PING [<word>]
ECHO <word>
WAIT 0 0
DEBUG DIGEST-VALUE (<k>)+
""",
    "expiry": """
3 EXPIRE <k> <sec> [NX | XX | GT | LT] [XX | NX | GT | LT]
2 PEXPIRE <k> <ms> [NX | XX | GT | LT]
2 EXPIREAT <k> <at> [NX | XX | GT | LT]
2 PEXPIREAT <k> <atms> [NX | XX | GT | LT]
2 TTL <k>
PTTL <k>
EXPIRETIME <k>
PEXPIRETIME <k>
2 PERSIST <k>
GETEX <k> [EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | PERSIST]
3 SET <k.string> <v> [EX <sec> | PX <ms> | KEEPTTL]
SETEX <k.string> <sec> <v>
INCR <k.string>
APPEND <k.string> <v>
GETSET <k.string> <v>
RPUSH <k.list> (<e>)+
LPOP <k.list>
SADD <k.set> (<e>)+
HSET <k.hash> (<e> <v>)+
ZADD <k.zset> (<score> <e>)+
SUNIONSTORE <k.set> <k.set> <k.set>
RENAME <k> <k>
COPY <k> <k> [REPLACE]
MOVE <k> <db>
DEL <k>
EXISTS <k>
TYPE <k>
@brief SET <k.string> <v> PX 1
@brief PEXPIRE <k> 1
""",
    "multi": """
3 MULTI
3 EXEC
DISCARD
2 WATCH (<any>)+
UNWATCH
3 SET <k.string> <v>
2 INCR <k.string>
2 RPUSH <k.list> (<e>)+
LPOP <k.list> [<count>]
2 SADD <k.set> (<e>)+
2 HSET <k.hash> (<e> <v>)+
HINCRBY <k.hash> <e> <int>
2 ZADD <k.zset> (<score> <e>)+
ZINCRBY <k.zset> <score> <e>
GET <k.string>
LRANGE <k.list> 0 -1
EXPIRE <any> <sec>
@brief SET <k.string> <v> PX 1
DEL (<any>)+
RENAME <any> <any>
SWAPDB 0 1
SELECT <db>
FLUSHDB
FLUSHALL
BLPOP <k.list> 0
BLMOVE <k.list> <k.list> LEFT RIGHT 0
WATCH
NOSUCH <word>
PING
RESET
SUBSCRIBE <channel>
PUBLISH <channel> <word>
CLIENT GETNAME
QUIT
""",
    "blocking": """
4 BLPOP (<k.list>)+ 0
2 BRPOP (<k.list>)+ 0
2 BLMOVE <k.list> <k.list> (LEFT | RIGHT) (LEFT | RIGHT) 0
BRPOPLPUSH <k.list> <k.list> 0
2 BLMPOP 0 <nkeys> (LEFT | RIGHT) [COUNT <pcount>]
2 BZPOPMIN (<k.zset>)+ 0
BZPOPMAX (<k.zset>)+ 0
2 BZMPOP 0 <nkeys> (MIN | MAX) [COUNT <pcount>]
6 RPUSH <k.list> (<e>)+
4 LPUSH <k.list> (<e>)+
4 ZADD <k.zset> (<score> <e>)+
DEL (<any>)+
RENAME <k.list> <k.list>
COPY <k.list> <k.list>
SET <any> <v>
RPOPLPUSH <k.list> <k.list>
LMOVE <k.list> <k.list> (LEFT | RIGHT) (LEFT | RIGHT)
ZUNIONSTORE <k.zset> 1 <k.zset>
MULTI
2 EXEC
FLUSHALL
SWAPDB 0 1
SELECT <db>
MOVE <k.list> 1
LPOP <k.list>
PING
@unblock [TIMEOUT | ERROR]
@restore <k.list> <k.list>
""",
    "streamwait": """
4 XREAD BLOCK 0 [COUNT <pcount>] STREAMS <readids>
6 XREADGROUP GROUP <group> <consumer> [COUNT <pcount>] BLOCK 0 [NOACK] STREAMS <groupids>
8 XADD <k.stream> <newid> <e> <v>
3 XGROUP CREATE <k.stream> <group> (0 | $) MKSTREAM
XGROUP DESTROY <k.stream> <group>
XGROUP SETID <k.stream> <group> 0
XDEL <k.stream> <sid>
XTRIM <k.stream> MAXLEN <count>
XSETID <k.stream> <sid>
XACK <k.stream> <group> <sid>
XINFO GROUPS <k.stream>
BLPOP <k.stream> 0
RPUSH <k.stream> <e>
2 DEL <k.stream>
SET <k.stream> <v>
RENAME <k.stream> <k.stream>
COPY <k.stream> <k.stream> [REPLACE]
MULTI
2 EXEC
FLUSHALL
FLUSHDB
SWAPDB 0 1
SELECT <db>
MOVE <k.stream> 1
@brief PEXPIRE <k.stream> 1
PING
@unblock [TIMEOUT | ERROR]
@restore <k.stream> <k.stream>
""",
    "pubsub": """
3 SUBSCRIBE (<channel>)+
2 PSUBSCRIBE (<cpattern>)+
SSUBSCRIBE (<channel>)+
UNSUBSCRIBE (<channel>)*
PUNSUBSCRIBE (<cpattern>)*
SUNSUBSCRIBE (<channel>)*
4 PUBLISH <channel> <word>
2 SPUBLISH <channel> <word>
PUBSUB CHANNELS [<cpattern>]
PUBSUB NUMSUB (<channel>)*
PUBSUB NUMPAT
PUBSUB SHARDCHANNELS [<cpattern>]
PUBSUB SHARDNUMSUB (<channel>)*
PUBSUB HELP
PUBSUB <word>
PING [<word>]
GET <k.string>
HELLO (2 | 3)
RESET
MULTI
EXEC
ECHO <word>
QUIT
""",
    "tracking": """
3 CLIENT TRACKING ON [OPTIN | OPTOUT | BCAST] [NOLOOP]
2 CLIENT TRACKING ON
CLIENT TRACKING ON BCAST PREFIX <k.string> [NOLOOP]
CLIENT TRACKING ON (BCAST | OPTIN | OPTOUT | NOLOOP | REDIRECT <int> | <word>)+
2 CLIENT TRACKING OFF
CLIENT TRACKING (<word> | OFF PREFIX <k.string>)
CLIENT CACHING (YES | NO | <word>)
2 CLIENT CACHING YES
2 @redirect [BCAST | OPTIN | OPTOUT] [NOLOOP]
RESET
SUBSCRIBE __redis__:invalidate
UNSUBSCRIBE
6 GET <k.string>
3 MGET (<k.string>)+
LRANGE <k.list> 0 -1
EXISTS (<any>)+
TYPE <any>
SUNION (<any>)+
6 SET <k.string> <v>
2 MSET (<k.string> <v>)+
APPEND <k.string> <v>
RPUSH <k.list> <e>
LPOP <k.list>
2 DEL (<any>)+
RENAME <any> <any>
COPY <any> <any> REPLACE
EXPIRE <any> <sec>
EXPIRE <any> -1
FLUSHDB [ASYNC | SYNC]
FLUSHALL [ASYNC]
SWAPDB 0 1
SELECT <db>
2 MULTI
3 EXEC
DISCARD
EVAL return(redis.call('get',KEYS[1])) 1 <k.string>
EVAL return(redis.call('del',KEYS[1])) 1 <any>
PING
CLIENT REPLY (ON | OFF | SKIP)
CLIENT REPLY ON
""",
    "acl": """
6 ACL SETUSER <user> (<rule>)+
4 ACL SETUSER <user> on nopass +@all (<rule>)+
2 ACL SETUSER <user> reset (<rule>)+
3 ACL GETUSER <user>
2 ACL LIST
ACL USERS
ACL DELUSER (<user>)+
3 ACL DRYRUN <user> (GET <k.string> | SET <k.string> <v> [GET] | MSET (<k.string> <v>)+ | RENAME <any> <any> | DEL (<any>)+ | TYPE <any>)
2 ACL DRYRUN <user> (LMOVE <k.list> <k.list> LEFT LEFT | COPY <any> <any> | SUNIONSTORE <k.set> (<k.set>)+ | ZUNIONSTORE <k.zset> <nkeys> | BLMPOP 1 <nkeys> LEFT)
ACL DRYRUN <user> (PUBLISH <channel> m | SUBSCRIBE (<channel>)+ | PSUBSCRIBE (<cpattern>)+ | SSUBSCRIBE <channel> | UNSUBSCRIBE <channel>)
ACL DRYRUN <user> (CONFIG GET x | CONFIG SET x y | CLIENT ID | SELECT <db> | OBJECT ENCODING <any> | EVAL x <nkeys> | DEBUG OBJECT <any> | <word> | <word> <word>)
4 AUTH <user> <password>
HELLO 3 AUTH <user> <password>
RESET
2 ACL WHOAMI
ACL LOG [<int> | RESET]
ACL CAT [<category>]
ACL (SAVE | LOAD | <word>)
2 GET <k.string>
2 SET <k.string> <v> [GET]
RPUSH <k.list> (<e>)+
DEL (<any>)+
TYPE <any>
PUBLISH <channel> m
SUBSCRIBE (<channel>)+
PSUBSCRIBE (<cpattern>)+
UNSUBSCRIBE
EVAL "return redis.pcall('get',KEYS[1])" 1 <k.string>
COMMAND GETKEYSANDFLAGS (SET <word> <v> [GET] | EVAL x <nkeys> | ZUNIONSTORE <word> <nkeys> | MSET (<word> <v>)+ | RENAME <word> <word>)
CLIENT KILL USER <user>
CONFIG SET acl-pubsub-default (allchannels | resetchannels)
CONFIG SET acllog-max-len <count>
PING
""",
    "connection": """
2 PING [<word>]
ECHO <word>
HELLO [2 | 3 | 4 | <int>]
HELLO 3 SETNAME <word>
HELLO 2 AUTH default <word> [SETNAME <word>]
AUTH <word>
AUTH <word> <word>
AUTH default <word>
SELECT <db>
RESET
CLIENT SETNAME <word>
2 CLIENT GETNAME
CLIENT ID
CLIENT SETINFO (LIB-NAME | LIB-VER | <word>) <word>
CLIENT NO-TOUCH (ON | OFF | <word>)
CLIENT NO-EVICT (ON | OFF | <word>)
CLIENT REPLY (ON | OFF | SKIP | <word>)
CLIENT REPLY ON
CLIENT KILL <word>
CLIENT KILL ( ID <word> | SKIPME <word> | ADDR <word> | USER <word> | MAXAGE <word>)
CLIENT KILL TYPE replica SKIPME (yes | no)
CLIENT UNBLOCK <int> [TIMEOUT | ERROR | <word>]
CLIENT PAUSE <word> [WRITE | ALL | <word>]
CLIENT UNPAUSE
CLIENT LIST TYPE <word>
CLIENT LIST ID <word>
CLIENT HELP
CLIENT <word>
COMMAND COUNT <word>
COMMAND GETKEYS (GET <word> | MSET (<word> <v>)+ | ZUNIONSTORE <word> <nkeys> | SET <word> | BLMPOP 1 <nkeys> LEFT | PING | NOSUCH <word>)
COMMAND GETKEYSANDFLAGS (GET <word> | MSET (<word> <v>)+ | LMOVE <word> <word> LEFT RIGHT | COPY <word> <word>)
COMMAND LIST FILTERBY <word> <word>
COMMAND HELP
CONFIG GET (maxmemory | hash* | <word>) [save]
CONFIG SET (<word> <word>)+
CONFIG SET (maxclients | timeout | hz | save | databases | tcp-keepalive | loglevel | notify-keyspace-events | list-max-listpack-size) <e>
CONFIG SET (hash-max-listpack-entries | proto-max-bulk-len | client-output-buffer-limit | maxmemory-samples | lfu-log-factor) (<int> | <word>)
CONFIG HELP
CONFIG <word>
SLOWLOG (GET <int> | LEN | RESET | HELP | <word>)
LATENCY (RESET <word> | LATEST | HISTORY <word> | HELP | <word>)
MEMORY (USAGE <any> | DOCTOR | HELP | <word>)
MEMORY USAGE <any> SAMPLES <int>
OBJECT HELP
LASTSAVE <word>
DEBUG (<word> | OBJECT <any> | SLEEP (0 | 0.001 | nonsense) | SET-ACTIVE-EXPIRE <word>)
DBSIZE
TIME <word>
LOLWUT VERSION <word>
INFO nosuchsection
READONLY
READWRITE
ASKING
NOSUCH <word>
<word>
""",
}


def templates(text):
    for line in text.strip().splitlines():
        weight, _, rest = line.partition(" ")
        yield Template(rest, float(weight)) if weight.replace(".", "").isdigit() else Template(line)


FAMILIES = {name: list(templates(text)) for name, text in TEXT.items()}
BATCHES = ("string", "bitmap", "hyperloglog", "list", "set", "hash", "fieldttl", "zset", "geo", "sort", "stream", "generic", "expiry", "described", "script")
SESSIONS = ("multi", "mixed", "blocking", "streamwait", "pubsub", "tracking", "acl", "connection", "protocol")
# Families for which the reference is another server (`newer`: Redis 8.6, `polygon`: Valkey 9); run when named.
LATER = ("newer", "polygon")

# What SPOP takes is drawn at random: only a pipeline can level it.
DATA = [template for family in ("string", "list", "set", "hash", "zset", "generic", "expiry") for template in FAMILIES[family] if template.name != "SPOP"]
# Every command with every argument, as COMMAND DOCS describes them.
FAMILIES["described"] = all_described()
# Scripts of several calls.
FAMILIES["script"] = [Script(DATA, weight=30.0)] + [t for t in DATA if t.name in ("SET", "RPUSH", "SADD", "HSET", "ZADD", "DEL")]
# All of it from several clients at once, in transactions and outside of them, with scripts among it; without what ends by itself: when is each server's own.
STEADY = [template for template in FAMILIES["multi"] + DATA if "<timeout>" not in template.text and not template.name.startswith("@")]
FAMILIES["mixed"] = STEADY + [Script(DATA, weight=6.0)]

# Settings that a sequence may begin with, so that both encodings of a type and the way between them are met with few elements.
SETTINGS = [
    [("hash-max-listpack-entries", "128"), ("hash-max-listpack-value", "64"), ("set-max-intset-entries", "512"), ("set-max-listpack-entries", "128"),
     ("set-max-listpack-value", "64"), ("zset-max-listpack-entries", "128"), ("zset-max-listpack-value", "64"), ("list-max-listpack-size", "-2"),
     ("list-compress-depth", "0"), ("stream-node-max-entries", "100")],
    [("hash-max-listpack-entries", "5"), ("stream-node-max-entries", "3"), ("set-max-intset-entries", "4"), ("set-max-listpack-entries", "6"), ("zset-max-listpack-entries", "5"),
     ("list-max-listpack-size", "3")],
    [("hash-max-listpack-entries", "0"), ("stream-node-max-entries", "1"), ("set-max-intset-entries", "0"), ("set-max-listpack-entries", "0"), ("zset-max-listpack-entries", "0"),
     ("list-max-listpack-size", "1")],
    [("hash-max-listpack-value", "4"), ("set-max-listpack-value", "4"), ("zset-max-listpack-value", "4"), ("list-max-listpack-size", "4"),
     ("list-compress-depth", "1")],
]
