"""Bytes that are not what a client library would send: broken, odd and hostile requests, whole or cut."""

PIECES = [
    b"PING\r\n", b"PING\n", b"  PING  \r\n", b"\r\n", b"\n", b" \r\n", b"ECHO hello\r\n", b'ECHO "a\\x41\\n\\t b"\r\n', b"ECHO 'it\\'s'\r\n", b'ECHO "unbalanced\r\n',
    b"ECHO 'a'b\r\n", b'ECHO "a"b\r\n', b"ECHO a\"b\"\r\n", b"ECHO \"\"\r\n", b"GET\r\n", b"NOSUCH a b\r\n", b"set a b\r\n", b"get a\r\n",
    b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"*0\r\n", b"*-1\r\n", b"*-10\r\n", b"*abc\r\n", b"*\r\n", b"*1\r\n*1\r\n", b"*1048577\r\n",
    b"*2147483648\r\n", b"*99999999999999999999\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$abc\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$99999999999999999999\r\n",
    b"*1\r\n$ 4\r\nPING\r\n", b"*+1\r\n$4\r\nPING\r\n", b"*01\r\n$4\r\nPING\r\n", b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$4\nPING\r\n", b"*1\n$4\r\nPING\r\n",
    b"*1\r\n:4\r\n", b"*1\r\nPING\r\n", b"*1\r\n\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-5\r\n", b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", b"*1\r\n$0\r\n\r\n",
    b"$4\r\nPING\r\n", b":1\r\n", b"+OK\r\n", b"-ERR\r\n",
    b"\x00\r\n", b"\xff\xfe\r\n", b"*" + b"1" * 200000, b"a" * 200000, b"*1\r\n$" + b"1" * 200000, b"ECHO " + b"b" * 40000 + b"\r\n",
    b"*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n", b"$2\r\nNX\r\n", b"SET a b EX\r\n", b"MULTI\r\n", b"EXEC\r\n", b"SUBSCRIBE a\r\n", b"RESET\r\n", b"QUIT\r\n", b"HELLO 3\r\n",
    b"HELLO 4\r\n", b"*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n", b"AUTH x\r\n", b"SELECT 99\r\n", b"# comment\r\n",
]
# What a browser would send. The connection is closed at once, and whether earlier replies still leave is a matter of buffers: so these come alone.
CROSS_PROTOCOL = [b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"host: here\r\n", b"post\r\n", b"Host:x\r\n"]


def fragment(dice):
    """Some pieces in a row, sometimes cut short or with a byte changed."""
    if dice.random() < 0.02:
        return dice.choice(CROSS_PROTOCOL)
    data = b"".join(dice.choice(PIECES) for _ in range(dice.choice((1, 1, 2, 3))))
    roll = dice.random()
    if roll < 0.15:
        data = data[:dice.randint(0, len(data))]
    elif roll < 0.3 and data:
        at = dice.randrange(len(data))
        data = data[:at] + bytes([dice.randrange(256)]) + data[at + 1:]
    elif roll < 0.5:
        data += b"PING\r\n"
    return data or b"\r\n"
