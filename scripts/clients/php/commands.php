<?php
// The commands that PHP programs use most, through the extension.
function check(string $what, $got, $expected): void
{
    if ($got !== $expected) {
        fwrite(STDERR, "$what: " . json_encode($got) . ', expected ' . json_encode($expected) . "\n");
        exit(1);
    }
}

$r = new Redis();
$r->connect('127.0.0.1', (int) $argv[1], 5);
check('set', $r->set('k', 'v', ['nx', 'ex' => 100]), true);
check('set again', $r->set('k', 'w', ['nx']), false);
check('get', $r->get('k'), 'v');
check('mget', $r->mGet(['k', 'none']), ['v', false]);
check('hash', $r->hMSet('h', ['a' => 1, 'b' => 2]), true);
check('hgetall', $r->hGetAll('h'), ['a' => '1', 'b' => '2']);
check('list', [$r->rPush('l', 'a', 'b', 'c'), $r->lRange('l', 0, -1), $r->lPop('l')], [3, ['a', 'b', 'c'], 'a']);
check('zadd', $r->zAdd('z', 1.5, 'x', 2, 'y'), 2);
check('zrange', $r->zRange('z', 0, -1, true), ['x' => 1.5, 'y' => 2.0]);
check('pipeline', $r->multi(Redis::PIPELINE)->incr('n')->incr('n')->get('n')->exec(), [1, 2, '2']);
check('multi', $r->multi()->set('t', 1)->get('t')->exec(), [true, '1']);
check('eval', $r->eval("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}", ['k', 'x'], 1), ['k', 'x', 'v']);
check('blpop', $r->blPop(['l', 'none'], 1), ['l', 'b']);
$found = [];
$iterator = null;
$r->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
while ($keys = $r->scan($iterator, '[hknz]')) {
    $found = array_merge($found, $keys);
}
sort($found);
check('scan', $found, ['h', 'k', 'n', 'z']);
$r->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
check('serialized', [$r->set('object', ['deep' => [1, 2.5, null]]), $r->get('object')], [true, ['deep' => [1, 2.5, null]]]);
check('info', version_compare($r->info()['redis_version'], '8.0.0') >= 0, true);
