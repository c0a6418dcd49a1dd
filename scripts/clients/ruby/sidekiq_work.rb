# Sidekiq: a process of workers runs jobs, scheduled jobs and retries, and its statistics are read back.
require "sidekiq"
require "sidekiq/api"

PORT = ARGV.last =~ /\A\d+\z/ ? ARGV.last : ENV["SIDEKIQ_PORT"]
URL = "redis://127.0.0.1:#{PORT}/0".freeze
Sidekiq.configure_server { |config| config.redis = { url: URL } }
Sidekiq.configure_client { |config| config.redis = { url: URL } }

class Adder
  include Sidekiq::Worker

  def perform(key, number)
    Sidekiq.redis { |r| r.incrby(key, number) }
  end
end

class FailsOnce
  include Sidekiq::Worker
  sidekiq_options retry: 3
  sidekiq_retry_in { 0 }

  def perform(key)
    raise "the first time" if Sidekiq.redis { |r| r.incr(key) } == 1
  end
end

class Dies
  include Sidekiq::Worker
  sidekiq_options retry: 0

  def perform
    raise "on purpose"
  end
end

def check(what, got, expected)
  raise "#{what}: #{got.inspect}, expected #{expected.inspect}" unless got == expected
end

def until_true(what, seconds = 30)
  limit = Time.now + seconds
  until yield
    raise "in vain: #{what}" if Time.now > limit

    sleep 0.05
  end
end

def value(key)
  Sidekiq.redis { |r| r.get(key) }
end

def work
  20.times { |n| Adder.perform_async("sum", n) }
  check("waiting", Sidekiq::Queue.new.size, 20)
  Adder.perform_in(1, "late", 7)
  check("scheduled", Sidekiq::ScheduledSet.new.size, 1)
  FailsOnce.perform_async("attempts")
  Dies.perform_async
  # The process polls for what is due every few seconds.
  environment = { "SIDEKIQ_PORT" => PORT.to_s }
  process = spawn(environment, "sidekiq", "-c", "4", "-t", "5", "-r", File.expand_path(__FILE__))
  begin
    until_true("jobs") { value("sum") == "190" }
    until_true("a dead job") { Sidekiq::DeadSet.new.size == 1 || Sidekiq::Stats.new.failed >= 2 }
    until_true("a scheduled job") { value("late") == "7" }
    until_true("a retry", 60) { value("attempts") == "2" }
    until_true("statistics") { Sidekiq::Stats.new.processed >= 23 }
    check("processes", Sidekiq::ProcessSet.new.size, 1)
    check("the queue", Sidekiq::Queue.new.size, 0)
  ensure
    Process.kill("TERM", process)
    Process.wait(process)
  end
  puts "sidekiq #{Sidekiq::VERSION}: jobs, a schedule, retries, statistics"
end

work if $PROGRAM_NAME == __FILE__
