import {LiveProgress} from "../bulk_document/live_progress";
import {registry} from "@web/core/registry";

/**
 * How far the task is that is done with a group; when it has ended, the group is shown
 * anew, with its figures and pictures.
 */
export class GroupProgress extends LiveProgress {
    get watched() {
        const task = this.props.record.data.running_task_id;
        return {model: "ar.invoice.task", id: task && task.id, working: Boolean(task)};
    }
}

registry.category("view_widgets").add("ar_group_progress", {component: GroupProgress});
