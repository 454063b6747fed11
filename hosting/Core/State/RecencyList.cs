namespace Athanor.Hosting.Core.State;

/// <summary>Entities by their last use, linked through themselves: moving one to the end costs no memory.</summary>
internal sealed class RecencyList
{
    public int Count { get; private set; }

    /// <summary>The least recently used.</summary>
    public Entity? Oldest { get; private set; }

    private Entity? _newest;

    /// <summary>Puts it at the end, whether or not it is in the list.</summary>
    public void Use(Entity entity)
    {
        if (ReferenceEquals(entity, _newest)) return;
        Remove(entity);
        entity.Older = _newest;
        if (_newest is null) Oldest = entity;
        else _newest.Newer = entity;
        _newest = entity;
        entity.IsListed = true;
        Count++;
    }

    public void Remove(Entity entity)
    {
        if (!entity.IsListed) return;
        if (entity.Older is { } older) older.Newer = entity.Newer;
        else Oldest = entity.Newer;
        if (entity.Newer is { } newer) newer.Older = entity.Older;
        else _newest = entity.Older;
        (entity.Older, entity.Newer, entity.IsListed) = (null, null, false);
        Count--;
    }
}
