using Athanor.Nodes.Cli;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Nodes.Tests.Cli;

/// <summary>What a node's log looks like to whoever reads it.</summary>
public sealed class LogLinesTests
{
    private readonly Clock _clock = new();
    private readonly StringWriter _text = new();
    private readonly LogLines _lines;

    public LogLinesTests() => _lines = new LogLines(_clock);

    [Fact]
    public void A_line_is_time_level_and_sentence_and_only_one_line()
    {
        Say(LogLevel.Information, "two\nlines");
        Assert.Equal("2026-03-01T12:00:00.000Z info: two lines\n", _text.ToString().ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Of_a_warning_s_exception_each_message_is_said_once_and_no_stack_trace()
    {
        Say(LogLevel.Warning, "the database is away: refused", Thrown(new IOException("refused", new TimeoutException("nobody answers"))));
        Assert.EndsWith("warn: the database is away: refused: nobody answers\n", _text.ToString().ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Behind_an_error_stands_where_it_came_from()
    {
        Say(LogLevel.Error, "a defect", Thrown(new InvalidOperationException("impossible")));
        Assert.Contains("error: a defect System.InvalidOperationException: impossible    at Nodes.Tests.Cli.LogLinesTests.Thrown", _text.ToString());
    }

    [Fact]
    public void The_same_words_within_five_seconds_are_counted_and_other_words_are_not_held_up()
    {
        Say(LogLevel.Warning, "again");
        for (var i = 0; i < 3; i++)
        {
            _clock.Seconds += 1;
            Say(LogLevel.Warning, "again");
        }
        Say(LogLevel.Warning, "something else");
        _clock.Seconds += 2;
        Say(LogLevel.Warning, "again");
        var lines = _text.ToString().ReplaceLineEndings("\n").Trim().Split('\n');
        Assert.Equal(
            ["2026-03-01T12:00:00.000Z warn: again", "2026-03-01T12:00:03.000Z warn: something else",
                "2026-03-01T12:00:05.000Z warn: again (3 times more before this)"],
            lines);
    }

    private void Say(LogLevel level, string text, Exception? exception = null) =>
        _lines.Write(new LogEntry<string>(level, "test", default, text, exception, static (state, _) => state), null, _text);

    private static Exception Thrown(Exception e)
    {
        try
        {
            throw e;
        }
        catch (Exception caught)
        {
            return caught;
        }
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).AddSeconds(Seconds);
    }
}
