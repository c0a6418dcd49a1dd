//! Sections about the process: server, memory, threads, cpu, debug.

use super::Page;
use super::memory::Account;
use crate::observe::human;
use crate::server::REDIS_VERSION;

pub(super) fn server(page: &mut Page) {
    let uptime_s = (page.server.now - page.server.identity.started) / 1000;
    let identity = page.server.identity.clone();
    let settings = page.server.settings.clone();
    page.line("redis_version", REDIS_VERSION);
    page.line("redis_git_sha1", "00000000");
    page.line("redis_git_dirty", 0);
    page.line("redis_build_id", "0000000000000000");
    page.line("redis_mode", "standalone");
    page.line("os", &identity.system);
    page.line("arch_bits", usize::BITS);
    page.line("monotonic_clock", "POSIX clock_gettime");
    page.line("multiplexing_api", "epoll");
    page.line("gyre_version", env!("CARGO_PKG_VERSION"));
    page.line("process_id", identity.pid);
    page.line("process_supervised", identity.supervised);
    page.line("run_id", &identity.run_id);
    page.line("tcp_port", settings.port);
    page.line("server_time_usec", page.server.clock.wall_us());
    page.line("uptime_in_seconds", uptime_s);
    page.line("uptime_in_days", uptime_s / 86_400);
    page.line("hz", settings.hz);
    page.line("configured_hz", settings.hz);
    page.line("lru_clock", (page.server.now / 1000) & 0x00ff_ffff);
    page.line("executable", &identity.executable);
    page.line("config_file", identity.config_file.map(|path| path.display().to_string()).unwrap_or_default());
    page.line("io_threads_active", 0);
    if let Some(until) = page.server.shutdown.as_ref().and_then(|shutdown| shutdown.waits_until) {
        page.line("shutdown_in_milliseconds", until - page.server.now);
    }
    let mut number = 0;
    if settings.port != 0 {
        let addresses: Vec<_> =
            settings.bind.iter().map(|address| format!("bind={}", String::from_utf8_lossy(address))).collect();
        page.line("listener0", format!("name=tcp,{},port={}", addresses.join(","), settings.port));
        number += 1;
    }
    if !settings.unix_socket.is_empty() {
        let path = String::from_utf8_lossy(&settings.unix_socket).into_owned();
        page.line(&format!("listener{number}"), format!("name=unix,bind={path}"));
    }
}

pub(super) fn memory(page: &mut Page) {
    let process = page.world.process();
    let account = Account::of(page.server, &process);
    let settings = page.server.settings.clone();
    page.line("used_memory", account.used);
    page.line("used_memory_human", human::bytes(account.used));
    page.line("used_memory_rss", account.rss);
    page.line("used_memory_rss_human", human::bytes(account.rss));
    page.line("used_memory_peak", account.peak);
    page.line("used_memory_peak_human", human::bytes(account.peak));
    page.line("used_memory_peak_perc", format!("{:.2}%", account.peak_percent()));
    page.line("used_memory_overhead", account.overhead());
    page.line("used_memory_startup", account.startup);
    page.line("used_memory_dataset", account.dataset());
    page.line("used_memory_dataset_perc", format!("{:.2}%", account.dataset_percent()));
    page.line("allocator_allocated", account.allocated);
    page.line("allocator_active", account.active);
    page.line("allocator_resident", account.resident);
    page.line("allocator_muzzy", account.muzzy);
    page.line("total_system_memory", process.machine_bytes);
    page.line("total_system_memory_human", human::bytes(process.machine_bytes));
    scripts(page);
    page.line("maxmemory", settings.maxmemory_bytes);
    page.line("maxmemory_human", human::bytes(settings.maxmemory_bytes));
    page.line("maxmemory_policy", settings.maxmemory_policy.word());
    for ratio in account.ratios() {
        page.line(ratio.info_names.0, format!("{:.2}", ratio.ratio));
        page.line(ratio.info_names.1, ratio.bytes);
    }
    page.line("mem_not_counted_for_evict", page.server.uncounted_bytes());
    page.line("mem_replication_backlog", account.backlog);
    page.line("mem_total_replication_buffers", account.backlog + account.replicas);
    page.line("mem_replica_full_sync_buffer", 0);
    page.line("mem_clients_slaves", account.replicas);
    page.line("mem_clients_normal", account.clients);
    page.line("mem_cluster_links", 0);
    page.line("mem_aof_buffer", page.server.persist.aof.buffer_bytes());
    page.line("mem_allocator", "jemalloc-5.3.0");
    page.line("mem_overhead_db_hashtable_rehashing", 0);
    page.line("active_defrag_running", 0);
    page.line("lazyfree_pending_objects", page.server.keyspace.garbage.pending());
    // Error codes that were dropped are objects, too.
    page.line("lazyfreed_objects", page.server.keyspace.garbage.freed + page.server.observe.errors.dropped());
}

/// Memory of scripts and functions: what Lua holds, and what is kept of them beside it.
fn scripts(page: &mut Page) {
    let scripts = &page.server.scripts;
    let (eval, functions) = scripts.vm_bytes();
    let (eval_records, function_records) = (scripts.cache.bytes(), scripts.registry.bytes());
    let (cached, function_count) = (scripts.cache.len(), scripts.registry.function_count());
    let library_count = scripts.registry.libraries().len();
    page.line("used_memory_lua", eval);
    page.line("used_memory_vm_eval", eval);
    page.line("used_memory_lua_human", human::bytes(eval as u64));
    page.line("used_memory_scripts_eval", eval_records);
    page.line("number_of_cached_scripts", cached);
    page.line("number_of_functions", function_count);
    page.line("number_of_libraries", library_count);
    page.line("used_memory_vm_functions", functions);
    page.line("used_memory_vm_total", eval + functions);
    page.line("used_memory_vm_total_human", human::bytes((eval + functions) as u64));
    page.line("used_memory_functions", function_records);
    page.line("used_memory_scripts", eval_records + function_records);
    page.line("used_memory_scripts_human", human::bytes((eval_records + function_records) as u64));
}

pub(super) fn threads(page: &mut Page) {
    let totals = page.server.observe.totals;
    let clients = page.server.sessions.len();
    page.line(
        "io_thread_0",
        format!("clients={clients},reads={},writes={}", totals.reads_processed, totals.writes_processed),
    );
}

pub(super) fn cpu(page: &mut Page) {
    let process = page.world.process();
    let seconds = |us: u64| format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    page.line("used_cpu_sys", seconds(process.system_us));
    page.line("used_cpu_user", seconds(process.user_us));
    page.line("used_cpu_sys_children", seconds(process.children_system_us));
    page.line("used_cpu_user_children", seconds(process.children_user_us));
    page.line("used_cpu_sys_main_thread", seconds(process.thread_system_us));
    page.line("used_cpu_user_main_thread", seconds(process.thread_user_us));
}

pub(super) fn debug(page: &mut Page) {
    let totals = page.server.observe.totals;
    let backlog: usize = page.server.keyspace.iter().map(|db| db.expiry_backlog()).sum();
    page.line("eventloop_duration_aof_sum", 0);
    page.line("eventloop_duration_cron_sum", totals.cron_ns / 1000);
    page.line("eventloop_duration_max", totals.turn_ns_max / 1000);
    page.line("eventloop_cmd_per_cycle_max", totals.turn_requests_max);
    // How many timers wait to be moved down the wheel.
    page.line("expiry_backlog", backlog);
}
