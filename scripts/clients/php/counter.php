<?php
// Counts the visits of one session; slow enough that visits without a lock would overwrite each other.
session_start();
$count = ($_SESSION['count'] ?? 0) + 1;
usleep(5000);
$_SESSION['count'] = $count;
$_SESSION['cart'] = array_fill(0, 10, ['bytes' => "\0\xff", 'number' => $count]);
echo $count;
